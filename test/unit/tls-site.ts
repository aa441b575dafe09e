/** An agent whose API is served on TCP, for one test. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import * as https from "node:https";
import { type AddressInfo, createServer } from "node:net";
import type { Rates } from "../../agent/api/clients";
import { serveTls } from "../../agent/api/tls-server";
import { noLog } from "../../agent/log";
import { AgentSite, type Disturbance } from "./agent-site";
import type { ApiAnswer } from "./api-client";
import { authority, type Claims, type Identity, issue } from "./certificates";
import { ModelledServers } from "./modelled-servers";

/** The authority of clients, and the agent's own identity: made once for many sites, since keys take time. */
export interface TlsIdentities {
  readonly ca: Identity;
  readonly own: Identity;
}

export class TlsSite {
  private constructor(
    readonly site: AgentSite,
    readonly server: Server,
    private readonly ca: Identity,
  ) {}

  static async identities(): Promise<TlsIdentities> {
    const ca = await authority("clients");
    return { ca, own: await issue({ names: ["d1.example"], addresses: ["127.0.0.1"] }, ca) };
  }

  /** `monitor` may read there, `deploy` (by several names) may write. */
  static async up(
    { ca, own }: TlsIdentities,
    { rates, ...disturbance }: Disturbance & { readonly rates?: Rates } = {},
  ): Promise<TlsSite> {
    const site = await AgentSite.up(undefined, { dial: new ModelledServers().dial, ...disturbance });
    const access = {
      listen: await freePlace(),
      tls: { ca: ca.cert, ...own },
      readOnly: ["monitor"],
      readWrite: ["deploy", "spiffe://example/deploy", "deploy.example"],
    };
    return new TlsSite(site, await serveTls(access, () => site.api, noLog(), rates), ca);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** What a client with a certificate, or without one, connects with. */
  options(identity?: Identity) {
    return {
      ...{ host: "127.0.0.1", port: this.port, ca: this.ca.cert },
      ...(identity && { cert: identity.cert, key: identity.key }),
    };
  }

  client(claims: Claims): Promise<Identity> {
    return issue(claims, this.ca);
  }

  /** Makes one request. @param agent with connections of his own. Default: one that is closed afterwards */
  async ask(
    identity: Identity | undefined,
    method: string,
    path: string,
    { body, agent }: { readonly body?: object | undefined; readonly agent?: https.Agent } = {},
  ): Promise<ApiAnswer> {
    const sent = body && JSON.stringify(body);
    const headers = { ...(sent !== undefined && { "content-type": "application/json" }) };
    const own = agent ?? new https.Agent(this.options(identity));
    const outgoing = https.request({ ...this.options(identity), method, path, agent: own, headers });
    outgoing.end(sent);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    if (!agent) own.destroy();
    const text = Buffer.concat(chunks).toString("utf8");
    return {
      ...{ status: response.statusCode ?? 0, headers: response.headers },
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  async down(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await this.site.down();
  }
}

/** A place on loopback that nobody listens at. */
async function freePlace(): Promise<string> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return `127.0.0.1:${port}`;
}
