const id = "11111111-1111-8111-8111-111111111111";

/** For a test's program: what opens agents that let everybody in. */
export const openAccess = `pulumi.secret(${JSON.stringify({ ca: "", consul: id, nomad: id, recovery: id })})`;
