import * as pulumi from "@pulumi/pulumi";
import type { Reservation, RouterSettings } from "../commands/router/router.ts";
import { Step } from "./step.ts";

export interface DhcpReservationArgs extends Reservation {
  router: pulumi.Input<RouterSettings>;
  /** When it goes, the router goes with it, and need not be told. */
  deletedWith?: pulumi.Resource | undefined;
}

/** One machine's fixed address and name on the home router. */
export class DhcpReservation extends pulumi.ComponentResource {
  constructor(name: string, args: DhcpReservationArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:DhcpReservation", name, {}, options);
    const { router, mac, ip, deletedWith } = args;
    const reservation: Reservation = { name: args.name, mac, ip };
    new Step(
      `reservation-${name}`,
      {
        program: "router",
        create: "reserve",
        delete: "release",
        input: pulumi.output({ router, reservation }),
        // The router knows a machine by its MAC: another MAC is another reservation.
        identity: [mac],
      },
      { parent: this, ...(deletedWith && { deletedWith }) },
    );
    this.registerOutputs();
  }
}
