import { isIPv4 } from "node:net";
import { z } from "zod";
import { defineContract } from "../contract.ts";
import { routerSettings } from "./catalogue.ts";

const reservation = z.object({
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "is not a host name"),
  mac: z.string().regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, "is not a MAC address in lower case with colons"),
  ip: z.string().refine(isIPv4, "is not an IPv4 address"),
});
const reservations = z.array(reservation);

/** RFC 7042 reserves these addresses for documentation, so no machine has one. */
const exampleMac = /^00:00:5e:00:53:/;

const ownReservation = reservation.superRefine(({ name, mac }, context) => {
  if (!exampleMac.test(mac)) return;
  const message = `${mac} is an example: put ${name}'s own address into the stack's file (docs/hardware.md tells where it is)`;
  context.addIssue({ code: "custom", path: ["mac"], message });
});

/** The stack's name is part of a file's name on the router. */
const owner = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, "is not a stack's name");

/** All that a stack reserves on its router; whatever reaches a shell there is validated first. */
export const routerStep = defineContract({
  program: "router",
  verbs: {
    apply: {
      input: z.object({
        router: routerSettings,
        owner,
        reservations: z.array(ownReservation),
        /** The stack's network, which earlier versions left out. */
        cidr: z.cidrv4().optional(),
      }),
      /** Which router has which table now. */
      answer: z.object({ router: z.string(), reservations }),
      seesLastAnswer: true,
    },
    clear: { input: z.object({ router: routerSettings, owner, reservations }) },
    /** Deletes one machine's reservation in states of earlier versions, which had a step for each machine. */
    release: { input: z.object({ router: routerSettings, reservation }) },
  },
});
