import * as pulumi from "@pulumi/pulumi";
import { routerStep } from "../steps/router/contract.ts";
import type { Reservation } from "../steps/router/driver.ts";
import type { RouterSettings } from "../steps/router/drivers.ts";
import { Step } from "./step.ts";

export interface DhcpReservationsArgs {
  router: pulumi.Input<RouterSettings>;
  machines: Reservation[];
  /** When it goes, the router goes with it, and need not be told. */
  deletedWith?: pulumi.Resource | undefined;
}

/**
 * The machines' fixed addresses and names on the home router: all in one step, because machines may exchange their
 * names, addresses and MACs, and no order of steps for each machine would get that right.
 */
export class DhcpReservations extends pulumi.ComponentResource {
  constructor(name: string, args: DhcpReservationsArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:DhcpReservations", name, {}, options);
    const { router, deletedWith } = args;
    const reservations = args.machines.map(({ name: machine, mac, ip }): Reservation => ({ name: machine, mac, ip }));
    new Step(
      name,
      routerStep,
      {
        create: "apply",
        delete: "clear",
        input: pulumi.output({ router, owner: pulumi.getStack(), reservations }),
      },
      { parent: this, ...(deletedWith && { deletedWith }) },
    );
    this.registerOutputs();
  }
}
