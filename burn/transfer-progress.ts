import { size } from "./drive.ts";

/** How far a phase has come. */
export interface TransferProgress {
  done: number;
  /** Bytes; undefined if the size isn't known. */
  total: number | undefined;
  bytesPerSecond: number;
  secondsLeft: number | undefined;
}

/** @param seconds since the phase began */
export function progressOf(done: number, total: number | undefined, seconds: number): TransferProgress {
  const bytesPerSecond = seconds > 0 ? Math.round(done / seconds) : 0;
  const secondsLeft =
    total !== undefined && bytesPerSecond > 0 ? Math.ceil((total - done) / bytesPerSecond) : undefined;
  return { done, total, bytesPerSecond, secondsLeft };
}

const barWidth = 10;

/** "[####------]  45 %  312 MB of 690 MB  21.3 MB/s  18 s left" */
export function describeTransfer({ done, total, bytesPerSecond, secondsLeft }: TransferProgress): string {
  const share = total ? Math.min(1, done / total) : 0;
  const full = Math.round(share * barWidth);
  const bar = `[${"#".repeat(full)}${"-".repeat(barWidth - full)}]`;
  return [
    ...(total === undefined ? [size(done)] : [`${bar} ${String(Math.floor(share * 100)).padStart(3)} %`]),
    ...(total === undefined ? [] : [`${size(done)} of ${size(total)}`]),
    `${size(bytesPerSecond)}/s`,
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`]),
  ].join("  ");
}

/** "0.4 s", "12 s", "1 min 30 s" */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const rounded = Math.round(seconds);
  return rounded < 60 ? `${rounded} s` : `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
}
