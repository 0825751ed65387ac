import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";

/** Stands in front of a Nomad. From the first request for this path on it has no leader, for so many milliseconds. */
export async function startProxy(target: string, path: RegExp, ms: number): Promise<{ url: string; stop(): void }> {
  let end: number | undefined;
  const server = createServer((request, response) => {
    if (path.test(request.url ?? "")) end ??= performance.now() + ms;
    if (end !== undefined && performance.now() < end) {
      response.writeHead(500).end("No cluster leader");
      return;
    }
    const { method, headers, url = "" } = request;
    const onward = httpRequest(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() };
}
