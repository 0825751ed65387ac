import * as pulumi from "@pulumi/pulumi";
import type { Reservation } from "../steps/router/base/driver.ts";
import type { RouterSettings } from "../steps/router/catalogue.ts";
import { routerStep } from "../steps/router/contract.ts";
import { Step } from "./step.ts";

export interface DhcpReservationsArgs {
  router: pulumi.Input<RouterSettings>;
  machines: Reservation[];
  /** The network that their addresses are in, such as 192.168.2.0/24. */
  cidr?: string;
  /** If this is deleted, the router goes with it, and nothing needs to be removed there. */
  deletedWith?: pulumi.Resource | undefined;
}

/**
 * The machines' fixed addresses and names on the home router, all in one step: machines may swap names, addresses and
 * MACs, and no order of single steps would get that right.
 */
export class DhcpReservations extends pulumi.ComponentResource {
  constructor(name: string, args: DhcpReservationsArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:DhcpReservations", name, {}, options);
    const { router, cidr, deletedWith } = args;
    const reservations = args.machines.map(({ name: machine, mac, ip }): Reservation => ({ name: machine, mac, ip }));
    new Step(
      name,
      routerStep,
      {
        create: "apply",
        delete: "clear",
        input: pulumi.output({ router, owner: pulumi.getStack(), reservations, cidr }),
      },
      { parent: this, ...(deletedWith && { deletedWith }) },
    );
    this.registerOutputs();
  }
}
