import { z } from "zod";
import { type Driver, kind } from "../base/driver.ts";
import { instruction } from "../base/instruction.ts";
import { difference, reservationText } from "../base/table.ts";

const schema = z.strictObject({ kind: z.literal("manual").meta(kind) });

/** Any other router: piinit lists what to enter on the router's own pages, and the gate checks the result. */
export const manual = {
  schema,
  isByHand: true,
  title: () => "a router that is set up by hand",
  async apply(_, { reservations, previous = [] }) {
    const { added, changed, removed, unchanged } = difference(previous, reservations);
    return [
      ...instruction("Type these reservations into your router:", added),
      ...instruction(
        "Change these reservations in your router to:",
        changed.map(({ to }) => to),
      ),
      ...instruction("Remove these reservations from your router:", removed),
      ...(unchanged.length > 0 ? [`= ${unchanged.length} unchanged`] : []),
    ];
  },
  async clear(_, { reservations }) {
    return instruction("These reservations may be removed from your router:", reservations);
  },
  async release(_, reservation) {
    return [`Remove this reservation from your router, unless it is one to type in: ${reservationText(reservation)}`];
  },
} satisfies Driver<z.output<typeof schema>>;
