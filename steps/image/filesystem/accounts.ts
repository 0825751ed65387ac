import type { User } from "../manifest/manifest.ts";

/** The four files of /etc that name users and groups. */
export interface AccountFiles {
  passwd: string;
  group: string;
  shadow: string;
  gshadow: string;
}

export type AccountFile = keyof AccountFiles;

export const accountModes: Readonly<Record<AccountFile, { mode: string; owner: string; group: string }>> = {
  passwd: { mode: "0644", owner: "root", group: "root" },
  group: { mode: "0644", owner: "root", group: "root" },
  shadow: { mode: "0640", owner: "root", group: "shadow" },
  gshadow: { mode: "0640", owner: "root", group: "shadow" },
};

export interface Account {
  uid: number;
  gid: number;
}

/** Adds users who can't log in, each with a group of the same name and number. Also returns what is wrong. */
export function addUsers(files: AccountFiles, users: readonly User[]): { files: AccountFiles; faults: string[] } {
  const result = { ...files };
  const faults: string[] = [];
  for (const user of users) {
    const fault = faultOf(result, user);
    if (fault) {
      faults.push(fault);
      continue;
    }
    result.passwd += `${user.name}:x:${user.id}:${user.id}::${user.home}:/usr/sbin/nologin\n`;
    result.group += `${user.name}:x:${user.id}:\n`;
    result.shadow += `${user.name}:!*:::::::\n`;
    result.gshadow += `${user.name}:!*::\n`;
  }
  return { files: result, faults };
}

function faultOf(files: AccountFiles, user: User): string | undefined {
  if (!/^[a-z_][a-z0-9_-]*$/.test(user.name)) return `user "${user.name}": not a valid user name`;
  if (/[:\n]/.test(user.home)) return `user ${user.name}: its home may not contain ":" or a newline`;
  for (const file of ["passwd", "group"] as const) {
    const taken = rows(files[file]).find(([name, , id]) => name === user.name || Number(id) === user.id);
    if (taken) return `user ${user.name} (${user.id}): /etc/${file} already has ${taken[0]} (${taken[2]})`;
  }
  return undefined;
}

/** User and group numbers by user name. */
export function accountsOf(passwd: string): Map<string, Account> {
  return new Map(rows(passwd).map(([name = "", , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]));
}

/** A group's number by its name. */
export function groupsOf(group: string): Map<string, number> {
  return new Map(rows(group).map(([name = "", , id]) => [name, Number(id)]));
}

function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(":"));
}
