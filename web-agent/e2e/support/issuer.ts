/**
 * The organisation's own log-in as a server of its own: `oidc-provider` with one client, a log-in form that believes
 * everybody, and no question whether they agree. Whoever logs in as N has the claims `sub` N and `staff_no` N.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Provider from 'oidc-provider';
import type { Settings } from './server';

const CLIENT = 'bangban';

const form = (uid: string) => `<!doctype html><html lang="zh-CN"><title>统一身份认证</title>
<form method="post" action="/interaction/${uid}"><label>账号 <input name="login"></label><button>登录</button></form>`;

export class Issuer {
  /** Answers to the server that asked, as the browser carries them there; a story may change them on the way. */
  alter: (answer: URL) => void = () => {};

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    private readonly url: string,
    private readonly secret: string,
    private readonly publicUrl: string,
  ) {}

  /** `publicUrl`: where browsers reach the server that will ask. */
  static async start(publicUrl: string): Promise<Issuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const secret = randomUUID();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const provider = new Provider(url, {
      clients: [
        {
          client_id: CLIENT,
          client_secret: secret,
          grant_types: ['authorization_code'],
          redirect_uris: [`${publicUrl}/api/staff/oidc/callback`],
        },
      ],
      jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
      cookies: { keys: [randomUUID()] },
      claims: { openid: ['sub'], profile: ['staff_no'] },
      // The claims of `profile` stand in the ID token and not only behind the user-info endpoint.
      conformIdTokenClaims: false,
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, staff_no: id }) }),
      ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
      async loadExistingGrant({ oidc }) {
        const grant = new oidc.provider.Grant({ clientId: CLIENT, accountId: oidc.session!.accountId! });
        grant.addOIDCScope('openid profile');
        await grant.save();
        return grant;
      },
    });
    const issuer = new Issuer(server, url, secret, publicUrl);
    provider.use(async (context, next) => {
      await next();
      const to = context.response.headers.location;
      if (typeof to !== 'string' || !to.startsWith(`${publicUrl}/`)) return;
      const answer = new URL(to);
      issuer.alter(answer);
      context.set('Location', answer.href);
    });
    const interaction = async (request: IncomingMessage, response: ServerResponse) => {
      const { uid } = await provider.interactionDetails(request, response);
      if (request.method === 'POST') {
        const accountId = new URLSearchParams(await text(request)).get('login')!;
        await provider.interactionFinished(request, response, { login: { accountId } });
      } else {
        response.setHeader('Content-Type', 'text/html; charset=utf-8').end(form(uid));
      }
    };
    const others = provider.callback();
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.startsWith('/interaction/')) void interaction(request, response);
      // Browsers ask for it by themselves.
      else if (request.url === '/favicon.ico') response.writeHead(204).end();
      else void others(request, response);
    });
    return issuer;
  }

  /** What the server that asks is configured with. */
  get settings(): Settings {
    return {
      OIDC__ISSUER: this.url,
      OIDC__CLIENT_ID: CLIENT,
      OIDC__CLIENT_SECRET: this.secret,
      OIDC__PUBLIC_URL: this.publicUrl,
    };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
