import type { Command } from 'commander';
import { makeProgram } from './src/program.ts';

/** The reference page of the plugin, in Markdown, from what `--help` prints. */
export function makeCliReference(): string {
  const program = makeProgram();
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help');
  return [
    '# Commands of kubectl mdep',
    'What each command takes, as `kubectl mdep COMMAND --help` says it. How they are used together is in [the plugin](../plugin.md).',
    '## Options of every command',
    tableOf(
      program,
      program.options.filter(({ hidden }) => !hidden).map(({ flags, description }) => [flags, description]),
    ),
    ...commands.map(sectionOf),
  ].join('\n\n');
}

function sectionOf(command: Command): string {
  const help = command.createHelp();
  const arguments_ = help
    .visibleArguments(command)
    .map((argument) => [argument.name(), help.argumentDescription(argument)]);
  const options = help
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .map((option) => [option.flags, help.optionDescription(option)]);
  return [
    `## ${command.name()}`,
    `\`kubectl mdep ${command.name()} ${command.usage()}\``,
    sentence(help.commandDescription(command)),
    tableOf(command, [...arguments_, ...options]),
  ].join('\n\n');
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function tableOf(command: Command, rows: string[][]): string {
  if (rows.length === 0) return `\`${command.name()}\` takes nothing else.`;
  const cell = (text: string) => text.replaceAll('|', '\\|');
  return [
    '| argument or option | meaning |',
    '| --- | --- |',
    ...rows.map(([name = '', meaning = '']) => `| \`${cell(name)}\` | ${cell(meaning)} |`),
  ].join('\n');
}
