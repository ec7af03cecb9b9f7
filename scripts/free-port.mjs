// Prints a TCP port of 127.0.0.1 that was free a moment ago.
import { createServer } from 'node:net';

const server = createServer().listen(0, '127.0.0.1', () => {
  console.log(server.address().port);
  server.close();
});
