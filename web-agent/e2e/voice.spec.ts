/**
 * 按住说话: what the microphone hears arrives at the recogniser as sound, and what that understood stands in the input until it is
 * sent; without a permission, a microphone or an answer it is said why; answers are read aloud.
 */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, isAccessible, test as base } from './support/fixtures';

/** A recogniser that keeps what it hears, and says what the story wants. */
class Ear {
  readonly heard: Buffer[] = [];
  readonly fields: string[] = [];
  says: { status: number; body: string } = {
    status: 200,
    body: JSON.stringify({ text: '居住证怎么办理，需要什么材料？' }),
  };

  private constructor(private readonly server: HttpServer) {}

  static async open(): Promise<Ear> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts);
        const boundary = /boundary=(\S+)/.exec(request.headers['content-type'] ?? '')![1]!;
        const file = body.indexOf('\r\n\r\n', body.indexOf('filename="speech.wav"')) + 4;
        ear.fields.push(`${request.url} ${request.headers.authorization} ${body.subarray(0, file).toString('latin1')}`);
        ear.heard.push(body.subarray(file, body.lastIndexOf(`\r\n--${boundary}--`)));
        response.writeHead(ear.says.status, { 'Content-Type': 'application/json' }).end(ear.says.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const ear = new Ear(server);
    return ear;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  close(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

const test = base.extend<{ ear: Ear }>({
  ear: async ({}, use) => {
    const ear = await Ear.open();
    await use(ear);
    await ear.close();
  },
  settings: async ({ ear }, use) => {
    await use({
      CONNECTORS__SPEECH__URL: ear.url,
      CONNECTORS__SPEECH__TOKEN: 'ear-secret',
      NOTIFY__ALLOW: '["127.0.0.1"]',
    });
  },
});

/** Length, loudness and pitch of what arrived. */
function measured(wav: Buffer) {
  expect([wav.toString('latin1', 0, 4), wav.toString('latin1', 8, 12)]).toEqual(['RIFF', 'WAVE']);
  const rate = wav.readUInt32LE(24);
  const samples = Array.from({ length: (wav.length - 44) / 2 }, (_, n) => wav.readInt16LE(44 + n * 2) / 0x8000);
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  // The pitch of a beep: how often it crosses zero while it is loud.
  let [crossings, loud] = [0, 0];
  for (let at = 0; at + 320 <= samples.length; at += 320) {
    const part = samples.slice(at, at + 320);
    if (Math.max(...part.map(Math.abs)) < peak / 2) continue;
    loud += part.length;
    crossings += part.filter((sample, n) => n > 0 && sample > 0 !== part[n - 1]! > 0).length;
  }
  return { rate, seconds: samples.length / rate, peak, hertz: (crossings / 2 / loud) * rate };
}

test('held down, what the microphone hears arrives as sound, is read, mended and sent by the citizen', async ({
  people,
  ear,
  server,
}) => {
  const widget = await people.citizen();
  await widget.page.context().grantPermissions(['microphone']);
  const talk = widget.button('按住说话');
  await talk.hover();
  await widget.page.mouse.down();
  await expect(widget.root.getByText('正在听，松开结束')).toBeVisible();
  await isAccessible(widget.page);
  // As long as a person speaks, or longer: what was looked at before takes its time too.
  await expect(widget.root.getByRole('timer')).toHaveText(/^0:(0[3-9]|[1-5]\d)$/);
  await widget.page.mouse.up();
  await expect(widget.input).toHaveValue('居住证怎么办理，需要什么材料？');
  await expect(widget.input).toBeFocused();
  const sound = measured(ear.heard[0]!);
  expect(sound.rate).toBe(16_000);
  expect(sound.seconds).toBeGreaterThan(2.5);
  expect(sound.seconds).toBeLessThan(60);
  expect(sound.peak, 'the microphone beeps').toBeGreaterThan(0.02);
  expect(sound.hertz, 'as Chromium’s microphone does').toBeGreaterThan(300);
  expect(ear.fields[0]).toContain('/v1/audio/transcriptions Bearer ear-secret');
  expect(ear.fields[0]).toMatch(/name="model"\r\n\r\nwhisper-1/);
  // Nothing is sent by itself; what was understood wrongly is mended first.
  await expect(widget.thread.locator('.mine')).toHaveCount(0);
  await widget.input.fill('居住证怎么办理？');
  await widget.button('发送').click();
  await expect(widget.message('居住证怎么办理？').first()).toBeVisible();
  await expect(widget.thread.locator('.bubble.bot_answer')).toBeVisible();
  expect(server.output).not.toContain('居住证怎么办理');

  // By keyboard: a press begins, another ends; what is there already stays.
  await widget.input.fill('请问');
  await talk.focus();
  await widget.page.keyboard.press('Enter');
  await expect(widget.root.getByText('正在听，再按一下结束')).toBeVisible();
  await expect(widget.root.getByRole('timer')).toHaveText('0:01');
  await widget.page.keyboard.press('Enter');
  await expect(widget.input).toHaveValue('请问 居住证怎么办理，需要什么材料？');
});

test('without a permission, a sound or an answer it is said why, and nothing is lost', async ({
  people,
  ear,
  guard,
}) => {
  guard.allow(/status of 503/);
  const widget = await people.citizen();
  await widget.input.fill('写到一半');
  const talk = widget.button('按住说话');
  await talk.focus();
  await widget.page.keyboard.press('Enter');
  await expect(widget.root.getByText(/没有麦克风权限/)).toBeVisible();
  await isAccessible(widget.page);
  await widget.button('知道了').click();
  await expect(talk).toBeFocused();

  await widget.page.context().grantPermissions(['microphone']);
  const say = async () => {
    await talk.focus();
    await widget.page.keyboard.press('Enter');
    await expect(widget.root.getByRole('timer')).toHaveText('0:01');
    await widget.page.keyboard.press('Enter');
  };
  ear.says = { status: 500, body: '{}' };
  await say();
  await expect(widget.root.getByText('暂时无法识别，请稍后再试，或改用文字')).toBeVisible();
  ear.says = { status: 200, body: '{"text":" "}' };
  await say();
  await expect(widget.root.getByText('没有听清，请再说一次')).toBeVisible();
  // Escape throws it away: nothing is asked.
  const before = ear.heard.length;
  await talk.focus();
  await widget.page.keyboard.press('Enter');
  await expect(widget.root.getByRole('timer')).toBeVisible();
  await widget.page.keyboard.press('Escape');
  await expect(widget.root.getByRole('timer')).toBeHidden();
  expect(ear.heard.length).toBe(before);
  await expect(widget.input).toHaveValue('写到一半');
});

test('called by a word: it listens at once, and a person ends it', async ({ people, ear, server }) => {
  const page = await people.page({ viewport: { width: 420, height: 760 } });
  await page.context().grantPermissions(['microphone']);
  await page.goto(`${server.url}/widget.html?item=residence-permit&voice=1`);
  await page.getByRole('button', { name: '张伟（个人）' }).click();
  await expect(page.getByText('正在听，再按一下结束')).toBeVisible();
  await expect(page.getByRole('timer')).toHaveText('0:01');
  await page.getByRole('button', { name: '结束说话' }).click();
  await expect(page.getByRole('textbox', { name: '输入消息' })).toHaveValue('居住证怎么办理，需要什么材料？');
  expect(ear.heard.length).toBe(1);
});

test('an answer is read aloud, and stopped', async ({ people }) => {
  people.prepare(async (context) => {
    await context.addInitScript(() => {
      const said: string[] = [];
      const voice = { lang: 'zh-CN', localService: true, name: '演示', default: true, voiceURI: 'demo' };
      const engine = Object.assign(new EventTarget(), {
        getVoices: () => [voice],
        speak: (one: { text: string }) => said.push(one.text),
        cancel: () => said.push('（停）'),
      });
      class Utterance {
        voice: unknown = null;
        constructor(readonly text: string) {}
      }
      Object.defineProperty(window, 'speechSynthesis', { value: engine });
      Object.assign(window, { SpeechSynthesisUtterance: Utterance, said });
    });
  });
  const widget = await people.citizen();
  await widget.say('居住证怎么办理，需要什么材料？');
  const row = widget.thread.locator('.row').filter({ has: widget.page.locator('.bubble.bot_answer') });
  await row.getByRole('button', { name: '朗读' }).click();
  await expect(row.getByRole('button', { name: '停止朗读' })).toHaveAttribute('aria-pressed', 'true');
  await isAccessible(widget.page);
  await row.getByRole('button', { name: '停止朗读' }).click();
  const said = await widget.page.evaluate(() => (window as unknown as { said: string[] }).said);
  expect(said.find((one) => one.includes('居住登记'))).toBeTruthy();
  // As it is spoken, not as it is marked up.
  expect(said.join('')).not.toMatch(/[*#]{2}|\]\(/);
  expect(said.at(-1)).toBe('（停）');
});
