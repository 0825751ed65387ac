/** How much of a stack's access is missing or otherwise: the question in JSON on standard input, a number on standard output. */

import { text } from "node:stream/consumers";
import { lackingAccess } from "../../../steps/access/grant.ts";

const { wanted, ...urls } = JSON.parse(await text(process.stdin));
process.stdout.write(String(await lackingAccess(wanted, urls)));
