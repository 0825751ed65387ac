import type { Random } from "../../../random.ts";

/** Sections of somebody else's, in every form that OpenWrt's pages and people write; none contradicts another. */
export function oddSections({ below, pick, number }: Random): string {
  const count = 1 + below(12);
  return Array.from({ length: count }, (_, index) => {
    const mac = (byte: number) => {
      const pairs = ["aa", "bb", "cc", "dd", index.toString(16).padStart(2, "0"), byte.toString(16).padStart(2, "0")];
      return pick([(text: string) => text, (text: string) => text.toUpperCase()])(pairs.join(pick([":", "-"])));
    };
    const maybe = (line: string) => (number() < 0.5 ? [line] : []);
    const macs = pick([
      [`option mac '${mac(1)}'`],
      [`list mac '${mac(1)}'`, `list mac '${mac(2)}'`],
      [`option mac '${mac(1)} ${mac(2)}'`],
      [`option mac "aa:bb:cc:*:*:${index.toString(16).padStart(2, "0")}"`],
      ["option duid '000100012233'"],
      [],
    ]);
    const lines = [
      pick(["config host", `config host 'other_${index}'`, `config host piinit_x${index}`]),
      ...macs,
      ...maybe(`option name '${pick(["printer", "X", "x-b.lan", "x_"])}${index}'`),
      ...maybe(`option ip '${pick([`192.168.2.${index + 100}`, "ignore", `192.168.3.${index + 1}`, ""])}'`),
      ...maybe("list tag 'known'"),
      ...maybe("option enabled '0'"),
      ...maybe("option hostid '7'"),
      ...maybe("option leasetime 'infinite'"),
      ...maybe(pick(["option note 'two\n\tlines'", "option note 'it'\\''s'", "option note \"a 'b' piñata\""])),
      ...maybe("option piinit 'another'"),
    ];
    return `${lines.join("\n\t")}\n`;
  }).join(pick(["\n", "", "\n# mine\n"]));
}
