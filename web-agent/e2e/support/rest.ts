/** The REST interface in the name of one member of staff: for what a story needs and does not tell. */
import { expect } from '@playwright/test';
import type { RecordView, StaffBody, StaffView } from '../../src/generated/protocol';
import type { Server } from './server';

export class Rest {
  private constructor(
    private readonly server: Server,
    readonly token: string,
  ) {}

  static async logIn(server: Server, login = 'admin1'): Promise<Rest> {
    const nobody = new Rest(server, '');
    const body = { login, password: 'bangban-demo' };
    const { token } = await nobody.ask<{ token: string }>('POST', '/api/staff/login', body);
    return new Rest(server, token);
  }

  async ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${this.token}` };
    const reply = await fetch(`${this.server.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const said = await reply.text();
    expect(reply.ok, `${method} ${path} ${JSON.stringify(body)}: ${said}`).toBe(true);
    return (said === '' ? null : JSON.parse(said)) as T;
  }

  /** Makes a record, or changes the one that is there. */
  async put(kind: string, id: string, body: object, { version = 0, reason = '' } = {}): Promise<RecordView> {
    return this.ask('PUT', `/api/admin/records/${kind}/${encodeURIComponent(id)}`, { version, body, reason });
  }

  /** Changes parts of an account. */
  async changeAccount(login: string, change: Partial<StaffBody>): Promise<void> {
    const { staff } = await this.ask<{ staff: StaffView[] }>('GET', `/api/admin/staff?q=${login}`);
    const found = staff.find((one) => one.login === login)!;
    const { id, version, name, unit, grants, teams, skills, languages, capacity, isActive } = found;
    const body: StaffBody = { login, name, unit, grants, teams, skills, languages, capacity, isActive, ...change };
    await this.ask('PUT', `/api/admin/staff/${id}`, { version, body });
  }
}
