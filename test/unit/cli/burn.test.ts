import assert from "node:assert/strict";
import { describeTransfer, duration, progressOf } from "../../../burn/transfer-progress.ts";

import { exitCode } from "../../../cli/burn/burn-target.ts";
import { findImage } from "../../../cli/burn/find-image.ts";
import { describeNext, machinesFor } from "../../../cli/burn/next-steps.ts";
import { stackDir } from "../../../lib/paths.ts";
import { parseChoice } from "../../../lib/words.ts";

describe("the answer to which drives", () => {
  it("is one number or several, each once", () => {
    assert.deepEqual(parseChoice(" 2 ", 3), [1]);
    assert.deepEqual(parseChoice("3, 1 3", 3), [2, 0]);
  });

  it("is refused if anything in it is not a number from the list", () => {
    for (const answer of ["", "0", "4", "1 4", "sdb", "1;2", "-1"]) assert.equal(parseChoice(answer, 3), undefined);
  });
});

describe("the image to burn", () => {
  const before = process.env.SUDO_USER;
  afterEach(() => {
    delete process.env.SUDO_USER;
    if (before !== undefined) process.env.SUDO_USER = before;
  });

  it("may be a file, for root too", async () => {
    process.env.SUDO_USER = "me";
    assert.equal(await findImage("/some/where/disk.img", "lab"), "/some/where/disk.img");
  });

  it("can't be a stack's under sudo, which would create files there that the user can't change", async () => {
    process.env.SUDO_USER = "me";
    await assert.rejects(findImage("server", "lab"), /With sudo, name the image's file/);
  });

  it("must be named if a stack has several", async () => {
    delete process.env.SUDO_USER;
    const several = /Stack example has the images server, monitor\. Name one: \.\/piinit burn server example$/;
    await assert.rejects(findImage(undefined, "example"), several);
  });
});

describe("the exit code of burning", () => {
  it("is that of the worst outcome", () => {
    assert.equal(exitCode(["written", "written"]), 0);
    assert.equal(exitCode([]), 0);
    assert.equal(exitCode(["written", "refused"]), 2);
    assert.equal(exitCode(["refused", "interrupted"]), 130);
    assert.equal(exitCode(["written", "interrupted", "failed"]), 1);
  });
});

describe("the progress of burning", () => {
  it("is bytes, speed and time left", () => {
    const now = progressOf(250e6, 1000e6, 10);
    assert.deepEqual(now, { done: 250e6, total: 1000e6, bytesPerSecond: 25e6, secondsLeft: 30 });
    assert.equal(describeTransfer(now), "[###-------]  25 %  250 MB of 1.0 GB  25.0 MB/s  30 s left");
    assert.equal(describeTransfer(progressOf(250e6, undefined, 10)), "250 MB  25.0 MB/s");
    assert.equal(describeTransfer(progressOf(0, 1000e6, 0)), "[----------]   0 %  0 B of 1.0 GB  0 B/s");
    assert.deepEqual([0.4, 59.6, 90, 3600].map(duration), ["0.4 s", "1 min 0 s", "1 min 30 s", "60 min 0 s"]);
  });
});

describe("the next steps after a card", () => {
  const machine = (name: string, answers: boolean) => ({ name, mac: "b8:27:eb:00:00:01", ip: "192.168.2.51", answers });

  it("name the machines that need a card, and those that already answer", () => {
    assert.equal(
      describeNext({ stack: "home", machines: [machine("pi1", false), machine("pi2", true)] }),
      [
        "Next: put the card into one of these machines, which don't answer yet, and power it on:",
        "  pi1  b8:27:eb:00:00:01  192.168.2.51",
        "(pi2 already answers.)",
        "When all have their cards, run ./piinit up home",
      ].join("\n"),
    );
    assert.match(
      describeNext({ stack: "home", machines: [machine("pi2", true)] }),
      /^All machines of this image already answer/,
    );
  });

  it("are unknown for an image that isn't a stack's, and for virtual machines", async () => {
    assert.equal(await machinesFor("/tmp/server-0123456789abcdef.img"), undefined);
    assert.equal(await machinesFor(stackDir("lab", "images", "server-0123456789abcdef.img")), undefined);
  });
});
