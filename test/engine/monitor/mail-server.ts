import { createServer, type Server } from "node:net";

/** Takes mails by SMTP on 127.0.0.1, from whoever logs in, and hands each over with its headers. */
export function startMailServer(port: number, take: (mail: string) => unknown): Server {
  const server = createServer((socket) => {
    let text = "";
    let isMail = false;
    const next = (): string | undefined => {
      const mark = isMail ? "\r\n.\r\n" : "\r\n";
      const end = text.indexOf(mark);
      if (end < 0) return undefined;
      const said = text.slice(0, end);
      text = text.slice(end + mark.length);
      return said;
    };
    socket.on("error", () => undefined).write("220 test\r\n");
    socket.on("data", (part) => {
      text += part;
      for (let said = next(); said !== undefined; said = next()) {
        if (isMail) take(said);
        isMail = !isMail && /^DATA/i.test(said);
        socket.write(answerTo(said, isMail));
        if (/^QUIT/i.test(said)) socket.end();
      }
    });
  });
  return server.listen(port, "127.0.0.1");
}

function answerTo(said: string, isMail: boolean): string {
  if (isMail) return "354 go on\r\n";
  if (/^EHLO/i.test(said)) return "250-test\r\n250 AUTH PLAIN\r\n";
  if (/^AUTH/i.test(said)) return "235 welcome\r\n";
  return "250 fine\r\n";
}
