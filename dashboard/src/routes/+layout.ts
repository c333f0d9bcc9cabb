// Everything happens in the browser: the manager has one page for all addresses.
export const ssr = false;
export const prerender = false;
