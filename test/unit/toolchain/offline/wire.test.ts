import assert from "node:assert/strict";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import { PartialFailure } from "../../../../toolchain/offline/provider.ts";
import { asDiffResponse, asInitFailure, fromStruct, toStruct } from "../../../../toolchain/offline/wire.ts";

describe("the engine's messages", () => {
  it("carry a partial failure with the resource's id, its outputs and the reason", () => {
    const error = asInitFailure(new PartialFailure("job", { status: "dead", none: null }, "it died"));
    assert.ok("metadata" in error);
    const { metadata } = error as { metadata: { get(name: string): Buffer[] } };
    const [bytes] = metadata.get("grpc-status-details-bin");
    const whole = status.Status.deserializeBinary(bytes ?? new Uint8Array());
    assert.equal(whole.getMessage(), "it died");
    const [packed] = whole.getDetailsList();
    assert.equal(packed?.getTypeName(), "pulumirpc.ErrorResourceInitFailed");
    const detail = provider.ErrorResourceInitFailed.deserializeBinary(packed?.getValue_asU8() ?? new Uint8Array());
    assert.equal(detail.getId(), "job");
    assert.deepEqual(detail.getReasonsList(), ["it died"]);
    assert.deepEqual(fromStruct(detail.getProperties()), { status: "dead", none: null });
  });

  it("carry properties of every kind unchanged", () => {
    const properties = { text: "ö", number: 1.5, yes: true, none: null, list: [1, "a"], map: { deep: [{}] } };
    assert.deepEqual(fromStruct(toStruct(properties)), properties);
  });

  it("say whether there is a difference", () => {
    const { DIFF_NONE, DIFF_SOME } = provider.DiffResponse.DiffChanges;
    assert.equal(asDiffResponse({ changed: [], replaced: [] }).getChanges(), DIFF_NONE);
    const some = asDiffResponse({ changed: ["a", "b"], replaced: ["b"] });
    assert.equal(some.getChanges(), DIFF_SOME);
    assert.deepEqual(some.getReplacesList(), ["b"]);
  });
});
