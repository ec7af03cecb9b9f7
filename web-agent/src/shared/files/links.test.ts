import { describe, expect, it, vi } from 'vitest';
import type { Answer, Command, FileLink } from '../../generated/protocol';
import { RequestError } from '../link';
import { FileLinks } from './links';

const link = (file: string, until: number): FileLink => ({ file, url: `/files/${file}/original`, until });

function server(answer: (files: readonly string[]) => Promise<Answer>) {
  const asked: string[][] = [];
  const request = vi.fn((command: Command) => {
    if (command.type !== 'open_files') throw new Error(command.type);
    asked.push([...command.files]);
    return answer(command.files);
  });
  return { asked, request };
}

describe('addresses of files', () => {
  it('are asked for together, once each, and kept until a minute before they end', async () => {
    let now = 0;
    const { asked, request } = server(async (files) => ({
      type: 'files',
      files: files.filter((file) => file !== 'gone').map((file) => link(file, now + 600_000)),
    }));
    const links = new FileLinks({ request, now: () => now });
    const [one, again, gone] = await Promise.all([
      links.find('cv', 'one'),
      links.find('cv', 'one'),
      links.find('cv', 'gone'),
    ]);
    expect(one).toEqual(link('one', 600_000));
    expect(again).toEqual(one);
    expect(gone).toBeNull();
    expect(asked).toEqual([['one', 'gone']]);

    now = 539_999;
    await links.find('cv', 'one');
    expect(asked).toHaveLength(1);
    now = 540_000;
    expect(await links.find('cv', 'one')).toEqual(link('one', 1_140_000));
    links.forget('one');
    await links.find('cv', 'one');
    expect(asked.slice(1)).toEqual([['one'], ['one']]);
  });

  it('are asked for fifty at a time, each conversation by itself', async () => {
    const { asked, request } = server(async (files) => ({
      type: 'files',
      files: files.map((file) => link(file, 1e9)),
    }));
    const links = new FileLinks({ request, now: () => 0 });
    const many = Array.from({ length: 51 }, (_, n) => links.find('a', `f${n}`));
    await Promise.all([...many, links.find('b', 'other')]);
    expect(asked.map((files) => files.length)).toEqual([50, 1, 1]);
  });

  it('are asked for again after a failure', async () => {
    let fails = true;
    const { request } = server(async (files) => {
      if (fails) throw new RequestError('lost', '', undefined, true);
      return { type: 'files', files: files.map((file) => link(file, 1e9)) };
    });
    const links = new FileLinks({ request, now: () => 0 });
    await expect(links.find('a', 'f')).rejects.toThrow();
    fails = false;
    expect(await links.find('a', 'f')).toEqual(link('f', 1e9));
  });
});
