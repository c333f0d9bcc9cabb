// Node's own http server, as bare as it comes.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end("hello " + request.url.slice(request.url.lastIndexOf("/") + 1));
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
