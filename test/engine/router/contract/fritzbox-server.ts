import { createHash } from "node:crypto";
import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

export interface StoredHost {
  mac: string;
  ip: string;
  name: string;
  active: boolean;
}

/** A FRITZ!Box's TR-064 interface as its maker documents it: it tells who is there, and takes names. */
export interface FritzBoxContract extends ContractServer {
  hosts: StoredHost[];
  /** Its DHCP server is on. */
  dhcp: boolean;
  /** The user may change settings. */
  mayChange: boolean;
  /** Tells a user's rights, as newer ones do. */
  tellsRights: boolean;
  /** Keeps names that it is told. */
  keepsNames: boolean;
  /** Answers that were wrong. */
  wrong: number;
  /** How often it has asked for one. */
  challenges: number;
  /** Another kind of password than it asks for otherwise. */
  asksFor: string | undefined;
  /** How many answers to one challenge it takes; then that is stale. */
  uses: number;
  nonce: { text: string; count: number };
}

export const [user, password] = ["fritz1234", "tr0ub4dor: the password"];
const realm = "F!Box SOAP-Auth";

type State = Omit<FritzBoxContract, keyof ContractServer>;

export const freshState = (): State => ({
  hosts: [],
  dhcp: true,
  mayChange: true,
  tellsRights: true,
  keepsNames: true,
  wrong: 0,
  challenges: 0,
  asksFor: undefined,
  uses: 1000,
  nonce: { text: "", count: 0 },
});

export async function startFritzBox(): Promise<FritzBoxContract> {
  const options = { type: 'text/xml; charset="utf-8"', denial: () => challenge(server) };
  const server: FritzBoxContract = Object.assign(
    freshState(),
    await startContractServer((asked) => answer(server, asked), options),
  );
  return server;
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

function challenge(state: State, isStale = false): Reply {
  state.challenges++;
  state.nonce = { text: md5(String(Math.random())), count: 0 };
  const stale = isStale ? ", stale=true" : "";
  return {
    status: 401,
    headers: {
      "www-authenticate": `Digest realm="${realm}", nonce="${state.nonce.text}", algorithm=MD5, qop="auth"${stale}`,
    },
  };
}

/** What keeps the question from being answered. */
function refusalOf(state: State, { method, path, headers }: Asked): Reply | undefined {
  if (state.asksFor) return { status: 401, headers: { "www-authenticate": state.asksFor } };
  const given = headers.authorization;
  if (given === undefined) return challenge(state);
  const field = (key: string) => new RegExp(`[ ,]${key}="?([^",]*)`).exec(given)?.[1] ?? "";
  const count = Number.parseInt(field("nc"), 16);
  const identity = md5(`${user}:${realm}:${password}`);
  const parts = [identity, field("nonce"), field("nc"), field("cnonce"), "auth", md5(`${method}:${path}`)];
  const isRight = md5(parts.join(":")) === field("response") && field("uri") === path && field("username") === user;
  if (!isRight) {
    state.wrong++;
    return challenge(state);
  }
  if (field("nonce") !== state.nonce.text || count <= state.nonce.count || count > state.uses)
    return challenge(state, true);
  state.nonce.count = count;
  return undefined;
}

const list = "/devicehostlist.lua?sid=12ab34cd56ef7890";

const description = `<?xml version="1.0"?>
<root xmlns="urn:dslforum-org:device-1-0"><device>
<deviceType>urn:dslforum-org:device:InternetGatewayDevice:1</deviceType>
<friendlyName>FRITZ!Box 7590</friendlyName><manufacturer>AVM</manufacturer>
</device></root>
`;

const controls: Readonly<Record<string, string>> = {
  "/upnp/control/hosts": "Hosts",
  "/upnp/control/lanhostconfigmgm": "LANHostConfigManagement",
  "/upnp/control/lanconfigsecurity": "LANConfigSecurity",
};

function answer(state: State, asked: Asked): Reply {
  const { method, path, headers, body } = asked;
  if (method === "GET" && path === list) return { status: 200, text: listOf(state.hosts) };
  if (method === "GET" && path === "/tr64desc.xml") return { status: 200, text: description };
  const refusal = refusalOf(state, asked);
  if (refusal) return refusal;
  const [, service, action = ""] = /^urn:dslforum-org:service:(\w+):1#([\w-]+)$/.exec(String(headers.soapaction)) ?? [];
  const control = controls[path];
  if (method !== "POST" || service !== control) return { status: 404, text: "<html>ERR_NOT_FOUND</html>" };
  if (!String(body).includes(`<u:${action} xmlns:u="urn:dslforum-org:service:${service}:1">`))
    return fault(402, "Invalid Args");
  if (action === "GetInfo")
    return says(action, { NewDHCPServerConfigurable: "1", NewDHCPServerEnable: state.dhcp ? "1" : "0" });
  if (action === "X_AVM-DE_GetCurrentUser") return currentUser(state);
  if (action === "X_AVM-DE_GetHostListPath") return says(action, { "NewX_AVM-DE_HostListPath": list });
  if (action === "X_AVM-DE_SetHostNameByMACAddress") return rename(state, String(body));
  return fault(401, "Invalid Action");
}

function currentUser({ mayChange, tellsRights }: State): Reply {
  if (!tellsRights) return fault(401, "Invalid Action");
  const access = (path: string, given: string) =>
    `&lt;path&gt;${path}&lt;/path&gt;&lt;access&gt;${given}&lt;/access&gt;`;
  const rights = [access("BoxAdmin", mayChange ? "readwrite" : "none"), access("Phone", "readwrite")].join("");
  return says("X_AVM-DE_GetCurrentUser", {
    "NewX_AVM-DE_CurrentUsername": user,
    "NewX_AVM-DE_CurrentUserRights": `&lt;rights&gt;${rights}&lt;/rights&gt;`,
  });
}

function rename(state: State, body: string): Reply {
  const field = (key: string) => new RegExp(`<${key}>([^<]*)</${key}>`).exec(body)?.[1] ?? "";
  const [mac, name] = [field("NewMACAddress"), field("NewHostName")];
  if (!state.mayChange) return fault(606, "Action Not Authorized");
  const host = state.hosts.find((one) => one.mac.toUpperCase() === mac);
  if (!host) return fault(714, "NoSuchEntryInArray");
  if (!/^[A-Za-z0-9-]+$/.test(name) || state.hosts.some((one) => one !== host && one.name === name))
    return fault(600, "Argument Value Invalid");
  if (state.keepsNames) host.name = name;
  return says("X_AVM-DE_SetHostNameByMACAddress", {});
}

function says(action: string, fields: Record<string, string>): Reply {
  const values = Object.entries(fields).map(([key, value]) => `<${key}>${value}</${key}>\n`);
  return { status: 200, text: soap(`<u:${action}Response xmlns:u="urn:x">\n${values.join("")}</u:${action}Response>`) };
}

const fault = (code: number, text: string): Reply => ({
  status: 500,
  text: soap(
    `<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError xmlns="urn:dslforum-org:control-1-0">
<errorCode>${code}</errorCode><errorDescription>${text}</errorDescription></UPnPError></detail></s:Fault>`,
  ),
});

const soap = (body: string) => `<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>
${body}</s:Body> </s:Envelope>`;

function listOf(hosts: readonly StoredHost[]): string {
  const items = hosts.map(
    ({ mac, ip, name, active }, index) => `<Item>
<Index>${index + 1}</Index><IPAddress>${ip}</IPAddress><MACAddress>${mac.toUpperCase()}</MACAddress>
<Active>${active ? 1 : 0}</Active><HostName>${name.replaceAll("&", "&amp;")}</HostName><InterfaceType>Ethernet</InterfaceType>
<X_AVM-DE_Port>1</X_AVM-DE_Port><X_AVM-DE_URL></X_AVM-DE_URL></Item>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<List>${items.join("\n")}</List>`;
}
