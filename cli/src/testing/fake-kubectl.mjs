#!/usr/bin/env node
// Plays kubectl in tests: `proxy` serves $FAKE_API on a socket, `config view` knows the namespace of the context, `apply
// --dry-run` answers what is in $FAKE_APPLIED; anything else says how it was called, and fails when $FAKE_EXIT says so.
import http from 'node:http';

const args = process.argv.slice(2);
const flag = (name) => args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);

if (flag('--context') === 'wrong') {
  console.error('error: context "wrong" does not exist');
  process.exit(1);
} else if (args[0] === 'proxy') {
  const { hostname, port } = new URL(process.env.FAKE_API);
  const server = http.createServer((request, response) => {
    const { method, url: path, headers } = request;
    const onward = http.request({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    response.on('close', () => onward.destroy());
    onward.on('error', (error) => {
      console.error(`E0101 00:00:00.000000 1 proxy_server.go:147] Error while proxying request: ${error.code}`);
      if (!response.headersSent) response.writeHead(500);
      response.end(error.code);
    });
    request.pipe(onward);
  });
  server.listen(flag('--unix-socket'), () => console.log(`Starting to serve on ${flag('--unix-socket')}`));
} else if (args[0] === 'config') {
  process.stdout.write('default');
} else if (args[0] === 'apply') {
  process.stdout.write(process.env.FAKE_APPLIED);
} else {
  console.log(JSON.stringify(args));
  process.exitCode = Number(process.env.FAKE_EXIT ?? 0);
}
