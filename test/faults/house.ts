import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { cacheDir } from "../../lib/paths.ts";
import type { DnsmasqSettings } from "../../steps/router/drivers/dnsmasq/dnsmasq.ts";
import { type Checkout, makeCheckout } from "../e2e/checkout.ts";
import { homeAddress, homeNames, homeNetwork, leaveOutImages, makeHome } from "../engine/cluster/home.ts";
import { service } from "../engine/offline/service.ts";
import { startHome as startRouter } from "../engine/router/home.ts";
import { brokenImages, wrongJobs, wrongKeys, wrongReservations, wrongState } from "./house-checks.ts";
import { killAll, kindsIn } from "./left.ts";

/** What a round changes in the stack's settings. */
export interface Wish {
  /** In a key and in a job. */
  word: string;
  /** Whether there are another key and another job. */
  hasMore: boolean;
  /** In a file of the image. */
  imageWord: string;
}

/** A stack `house` with real servers, a router with dnsmasq and an image, in a checkout, cache and TMPDIR of its own. */
export interface House {
  checkout: Checkout;
  /** For what a test keeps; none of its commands looks there. */
  notes: string;
  /** Words that its processes have in their environment or as their folder, and no others have. */
  marks: string[];
  want(wish: Wish): void;
  /** Lets the next build of the image begin with its programs. */
  forgetPrograms(): void;
  /** What isn't as wished, a sentence each. */
  differences(wish: Wish): Promise<string[]>;
  /** The kinds of all files that its commands may leave. */
  kinds(): Promise<Set<string>>;
  close(): Promise<void>;
}

export const stack = "house";

/**
 * @param buildsImages whether the stack has its image, which takes longer
 * @throws where the machine can't have such a router, such as without namespaces
 */
export async function makeHouse(buildsImages: boolean): Promise<House> {
  const undo: (() => unknown)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await furnish(buildsImages, (step) => undo.push(step))), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function furnish(buildsImages: boolean, onClose: (step: () => unknown) => void): Promise<Omit<House, "close">> {
  const dir = mkdtempSync(path.join(tmpdir(), "piinit-faults-"));
  onClose(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const [tmp, cache] = [path.join(dir, "tmp"), path.join(dir, "cache")];
  for (const folder of [tmp, cache]) mkdirSync(folder);
  const router = await startRouter();
  onClose(router.close);
  // Its machines are at addresses of this computer's own.
  await writeFile(path.join(router.dir, "conf.d/house.conf"), `dhcp-range=${homeAddress("pi1")},static,255.255.0.0\n`);
  await router.restartDnsmasq();
  const checkout = await makeCheckout({ TMPDIR: tmp, XDG_CACHE_HOME: cache });
  const marks = [dir, path.dirname(checkout.dir)];
  onClose(checkout.remove);
  onClose(() => killAll(marks));

  const file = (name: string) => path.join(checkout.dir, name);
  const { hostsDir } = router.settings;
  const want = (wish: Wish) => writeSettings(file(`stacks/Pulumi.${stack}.yaml`), wish, router.settings);
  for (const name of ["page", "more"]) writeFileSync(file(`${name}.nomad.hcl`), patiently(service(name)));
  want({ word: "0", hasMore: false, imageWord: "0" });
  if (buildsImages) await makeLayers(checkout);
  else leaveOutImages(checkout.dir);
  fillCache(path.join(cache, "piinit"));
  const home = await makeHome(checkout, stack);
  onClose(home.close);
  home.start(...homeNames);
  return {
    checkout,
    notes: dir,
    marks,
    want,
    forgetPrograms() {
      const layers = path.join(cache, "piinit/layers");
      const names = readdirSync(layers).filter((name) => name.startsWith("programs-"));
      for (const name of names) rmSync(path.join(layers, name), { recursive: true });
    },
    async differences(wish) {
      const found = await Promise.all([
        wrongState(file(`.piinit/.pulumi/stacks/piinit/${stack}.json`)),
        wrongKeys(wish, home.access),
        wrongJobs(wish, home.access),
        wrongReservations(path.join(hostsDir, `piinit.${stack}`)),
        buildsImages ? brokenImages(file(`.piinit/${stack}/images`)) : [],
      ]);
      return found.flat();
    },
    async kinds() {
      const folders = { tmp, cache, checkout: path.dirname(checkout.dir), router: hostsDir };
      const kinds = await Promise.all(
        Object.entries(folders).map(async ([name, folder]) =>
          [...(await kindsIn(folder))].map((kind) => `${name}: ${kind}`),
        ),
      );
      return new Set(kinds.flat());
    },
  };
}

/** On a busy machine a task may take longer to start than the service allows. */
const patiently = (jobspec: string) => jobspec.replace('"5s"', '"2m"').replace('"6s"', '"3m"');

/** Makes the image's layers in this user's cache, unless they are there. */
async function makeLayers({ dir, env }: Checkout): Promise<void> {
  const { XDG_CACHE_HOME } = process.env;
  await execa("./piinit", ["build", "server", stack], { cwd: dir, env: { ...env, XDG_CACHE_HOME }, stdin: "ignore" });
}

/** With this user's tools and layers; what is made there stays there. */
function fillCache(cache: string): void {
  mkdirSync(path.join(cache, "layers"), { recursive: true });
  const layers = existsSync(cacheDir("layers")) ? readdirSync(cacheDir("layers")) : [];
  for (const name of ["acceleration.json", "debs", "pulumi-home", "toolchain", ...layers.map((one) => `layers/${one}`)])
    if (existsSync(cacheDir(name))) symlinkSync(cacheDir(name), path.join(cache, name));
}

/** Keeps the line that Pulumi has added. */
function writeSettings(file: string, wish: Wish, router: DnsmasqSettings): void {
  const salt = existsSync(file) ? /^encryptionsalt:.*\n/m.exec(readFileSync(file, "utf8")) : null;
  writeFileSync(file, `${salt?.[0] ?? ""}${settingsText(wish, router)}`);
}

function settingsText({ word, hasMore, imageWord }: Wish, router: DnsmasqSettings): string {
  const jobs = Object.fromEntries(
    ["page", ...(hasMore ? ["more"] : [])].map((name) => [name, { file: `${name}.nomad.hcl`, vars: { word } }]),
  );
  const image = {
    board: "amd64",
    roles: { consul: "server", nomad: "both", ssh: { keys: [`ssh-ed25519 ${"A".repeat(68)} ${imageWord}`] } },
  };
  const machines = homeNames.map((name, index) => ({
    name,
    mac: `b8:27:eb:00:00:0${index + 1}`,
    ip: homeAddress(name),
    image: "server",
  }));
  return stringify({
    config: {
      "piinit:datacenter": "home",
      "piinit:network": { cidr: homeNetwork, domain: "home.arpa", router },
      "piinit:images": { server: image },
      "piinit:machines": machines,
      "piinit:kv": { word, ...(hasMore && { more: word }) },
      "piinit:jobs": jobs,
      "piinit:wait": "3m",
    },
  });
}
