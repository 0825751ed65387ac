/** A machine's name as reservations have it: without its domain, in lower case. "" stays "". */
export const hostNameIn = (name: string): string => name.toLowerCase().split(".", 1)[0] ?? "";
