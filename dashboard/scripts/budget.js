// How much is loaded before the first page is there: the page, the files that it names, and what they import at once.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const FIRST_LOAD = 300 * 1024;
/** What is loaded on demand only. */
const LATER = { editor: 'cm-editor', charts: 'u-legend' };

const build = new URL('../build', import.meta.url).pathname;
const read = (path) => readFileSync(join(build, path));
const size = (path) => gzipSync(read(path), { level: 9 }).length;

const page = read('index.html').toString();
const nodes = join(build, '_app/immutable/nodes');
const first = new Set();
function add(path) {
	if (first.has(path)) return;
	first.add(path);
	if (!path.endsWith('.js')) return;
	const source = read(path).toString();
	for (const [, to] of source.matchAll(/(?:import|from)\s*["'](\.[^"']+\.js)["']/g)) add(join(path, '..', to));
}
for (const [, path] of page.matchAll(/"\/(_app\/[^"]+|favicon\.svg)"/g)) add(path);
// Whichever page comes first: all of them together may not be more.
for (const node of readdirSync(nodes)) add(`_app/immutable/nodes/${node}`);
const total = [...first].reduce((sum, path) => sum + size(path), size('index.html'));
for (const [name, mark] of Object.entries(LATER)) {
	const early = [...first].filter((path) => path.endsWith('.js') && read(path).includes(mark));
	if (early.length > 0) fail(`the ${name} would be loaded at once: ${early.join(', ')}`);
}
const all = files('').reduce((sum, path) => sum + statSync(join(build, path)).size, 0);
console.log(`first load, with every page: ${kib(total)} compressed, of ${kib(FIRST_LOAD)}; all files: ${kib(all)} as they are`);
if (total > FIRST_LOAD) fail('the first load is too large');

function files(directory) {
	return readdirSync(join(build, directory), { withFileTypes: true }).flatMap((entry) =>
		entry.isDirectory() ? files(join(directory, entry.name)) : [join(directory, entry.name)]
	);
}

function kib(bytes) {
	return `${(bytes / 1024).toFixed(0)} KiB`;
}

function fail(message) {
	console.error(`error: ${message}`);
	process.exit(1);
}
