/** One attack, in a process of its own: the name, port, connections, bytes a second. Ends with its parent, or after two minutes. */
import { Attacker } from '../../serving-image/testing/attacker.ts';
import { ATTACKS } from '../../serving-image/testing/attacks.ts';

const [name, port, connections, bytesPerSecond] = process.argv.slice(2);
const attack = ATTACKS.find((one) => one.name === name);
if (!attack) throw new Error(`there is no attack "${name}"`);
const attacker = new Attacker(attack, Number(port), {
  connections: Number(connections),
  bytesPerSecond: Number(bytesPerSecond),
});
const report = () => process.send?.({ bytesPerSecond: attacker.rate });
const timer = setInterval(report, 200);
const end = () => {
  clearInterval(timer);
  attacker.stop();
  process.exit(0);
};
process.on('disconnect', end);
setTimeout(end, 120_000);
