/**
 * A bad line to a telephone: what comes from the telephone is passed on but for each n-th packet of sound. The line stands where
 * the telephone is called, and gives itself as the place where either side sends its sound (the port of `m=audio`).
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

const HOST = '127.0.0.1';

async function bound(port = 0): Promise<Socket | null> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(null);
    });
    socket.bind(port, HOST, () => {
      socket.removeAllListeners('error');
      // Nobody is there any more when a call is over.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

export class BadLine {
  /** Where the two sides want their sound. */
  private server = 0;
  private telephone = 0;
  private passed = 0;
  /** Who has asked for something by SIP. */
  private caller: RemoteInfo | undefined;

  private constructor(
    private readonly sip: Socket,
    private readonly sound: Socket,
    /** The telephone's port for SIP. */
    private readonly called: number,
    private readonly loses: number,
  ) {
    sip.on('message', (message, from) => this.pass(message, from));
    sound.on('message', (packet, from) => this.speak(packet, from.port));
  }

  /** `at`: where the telephone is, `127.0.0.1:PORT`. */
  static async to(at: string, loses: number): Promise<BadLine> {
    const [sip, sound] = [await bound(), await bound()];
    if (!sip || !sound) throw new Error('no free port');
    return new BadLine(sip, sound, Number(at.split(':')[1]), loses);
  }

  get at(): string {
    return `${HOST}:${this.sip.address().port}`;
  }

  close(): void {
    this.sip.close();
    this.sound.close();
  }

  private pass(message: Buffer, from: RemoteInfo): void {
    const isAnswer = from.port === this.called;
    let text = message.toString('latin1');
    const port = Number(/^m=audio (\d+) /m.exec(text)?.[1] ?? 0);
    if (port > 0) {
      if (isAnswer) this.telephone = port;
      else this.server = port;
      const own = String(this.sound.address().port);
      text = text.replace(/^m=audio \d+ /m, `m=audio ${own} `);
      // The length of what is said may have changed by a digit.
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      text = text.replace(/^(Content-Length|l):\s*\d+/im, `$1: ${body.length}`);
    }
    if (!isAnswer) this.caller = from;
    const to = isAnswer ? this.caller?.port : this.called;
    if (to !== undefined) this.sip.send(Buffer.from(text, 'latin1'), to, HOST);
  }

  private speak(packet: Buffer, from: number): void {
    if (from === this.telephone) {
      this.passed += 1;
      if (this.passed % this.loses !== 0) this.sound.send(packet, this.server, HOST);
    } else if (this.telephone > 0) {
      this.sound.send(packet, this.telephone, HOST);
    }
  }
}
