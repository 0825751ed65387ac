/** Raspberry Pi's blocks of addresses, as the IEEE had them in August 2026; the last two are parts of larger blocks. */
const raspberryPi = [
  "b8:27:eb",
  "dc:a6:32",
  "e4:5f:01",
  "28:cd:c1",
  "d8:3a:dd",
  "2c:cf:67",
  "88:a2:9e",
  "98:fe:54",
  "f0:40:af:9",
  "8c:1f:64:34:a",
];

export const isRaspberryPi = (mac: string): boolean => raspberryPi.some((block) => mac.startsWith(block));

/** Who made the card, as far as piinit knows: telephones and virtual machines make their addresses up. */
export function makerOf(mac: string): string {
  if (isRaspberryPi(mac)) return "Raspberry Pi";
  return /^.[26ae]/.test(mac) ? "made up" : "";
}
