import { settingFault } from "../../components/settings.ts";
import { UserError } from "../../lib/errors.ts";
import { anyOf, folded, suggestion } from "../../lib/words.ts";
import { boardNames } from "../../steps/image/boards/catalogue.ts";
import type { NewMachine } from "../discover/found.ts";
import type { Asker } from "./asking.ts";

/** What the options say of images. */
export interface ImageOptions {
  board?: readonly string[];
  wifi?: string;
  country?: string;
  wifiPassphrase?: string;
  builder?: string;
}

export interface ImageAnswers {
  /** By the image's name. */
  boards: Record<string, string>;
  wifi: { ssid: string; country: string; passphrase: string } | undefined;
  /** As `ssh` takes it; undefined for this computer. */
  builder: string | undefined;
}

const boards = boardNames.filter((name) => name !== "lab");

export async function askForImages(
  options: ImageOptions,
  machines: readonly NewMachine[],
  asker: Asker,
): Promise<ImageAnswers> {
  return {
    boards: await askForBoards(options, machines, asker),
    wifi: await askForWifi(options, asker),
    builder: await askForBuilder(options, asker),
  };
}

async function askForBoards(
  { board: given = [] }: ImageOptions,
  machines: readonly NewMachine[],
  asker: Asker,
): Promise<Record<string, string>> {
  const images = [...new Set(machines.map(({ image }) => image))];
  const found: Record<string, string> = {};
  for (const one of given) {
    const [, image, board = ""] = /^(?:([^=]*)=)?(.*)$/.exec(one) ?? [];
    if (image !== undefined && machines.length > 0 && !images.includes(image))
      throw new UserError(`--board ${one}: no machine has the image ${image}${suggestion(image, images)}`);
    for (const name of image === undefined ? images.filter((name) => !(name in found)) : [image]) found[name] = board;
  }
  const answers: Record<string, string> = {};
  if (given.length === 0) asker.tell(folded(`Boards: ${anyOf(boards)}`, 78));
  for (const image of images.length > 0 ? images : ["server"]) {
    const names = machines.filter((machine) => machine.image === image).map(({ name }) => name);
    answers[image] = await asker.ask({
      text: `The board of ${names.join(", ") || "the machines"}`,
      flag: image === "server" ? "--board BOARD" : `--board ${image}=BOARD`,
      given: found[image] ?? (images.length === 0 ? given.at(0) : undefined),
      initial: answers.server,
      check: (answer) =>
        boards.some((board) => board === answer) ? undefined : `must be ${anyOf(boards)}${suggestion(answer, boards)}`,
    });
  }
  return answers;
}

async function askForWifi(options: ImageOptions, asker: Asker): Promise<ImageAnswers["wifi"]> {
  const check = (key: string) => (value: string) =>
    settingFault({ images: { server: { roles: { wifi: { [key]: value } } } } }, [
      "images",
      "server",
      "roles",
      "wifi",
      key,
    ]);
  const ssid = await asker.ask({
    text: "The Wi-Fi that they use; Enter for cables",
    flag: "--wifi SSID",
    given: options.wifi,
    initial: "",
    check: check("ssid"),
  });
  if (ssid === "") return undefined;
  const country = await asker.ask({
    text: "Your country, which decides on channels: two capital letters such as DE",
    flag: "--country CODE",
    given: options.country,
    check: check("country"),
  });
  const passphrase = await asker.ask({
    text: `The passphrase of ${ssid} (not shown)`,
    flag: "--wifi-passphrase FILE",
    given: options.wifiPassphrase,
    isSecret: true,
    check: check("passphrase"),
  });
  return { ssid, country, passphrase };
}

async function askForBuilder({ builder }: ImageOptions, asker: Asker): Promise<string | undefined> {
  const canBuild = process.platform === "linux";
  const answer = await asker.ask({
    text: `The Linux computer that builds the images, USER@HOST${canBuild ? "; Enter for this one" : ""}`,
    flag: "--builder USER@HOST",
    given: builder,
    initial: canBuild ? "" : undefined,
    check: (ssh) => settingFault({ builder: { ssh } }, ["builder", "ssh"]),
  });
  return answer === "" ? undefined : answer;
}
