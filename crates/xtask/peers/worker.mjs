// What workerd runs: one isolate for all requests.
export default {
  fetch(request) {
    const path = new URL(request.url).pathname;
    return new Response("hello " + path.slice(path.lastIndexOf("/") + 1));
  },
};
