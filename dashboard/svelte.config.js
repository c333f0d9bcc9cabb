// One page for all addresses, whose only inline script is named by its hash. The manager sends the same policy as a header.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import adapter from '@sveltejs/adapter-static';

/** The same sources make the same bytes: the usual name is the time. By another name a page that is open knows that the server has other
 * files by now, and is loaded anew instead of failing by one that is gone. */
function version() {
	const files = readdirSync('src', { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => `${entry.parentPath}/${entry.name}`);
	const hash = createHash('sha256');
	for (const file of ['package-lock.json', '../guest/prebuilt/functions.json', ...files.toSorted()])
		hash.update(`${file}\n`).update(readFileSync(file));
	return hash.digest('hex').slice(0, 16);
}

/** @type {import('@sveltejs/kit').Config} */
export default {
	compilerOptions: { runes: true },
	kit: {
		adapter: adapter({ pages: 'build', assets: 'build', fallback: 'index.html' }),
		alias: { $functions: '../guest/prebuilt/functions.json', $schema: 'generated/schema.d.ts' },
		csp: {
			mode: 'hash',
			directives: {
				'default-src': ['none'],
				'script-src': ['self'],
				'style-src': ['self'],
				'img-src': ['self', 'data:'],
				'font-src': ['self'],
				'connect-src': ['self'],
				'manifest-src': ['self'],
				'form-action': ['self'],
				'base-uri': ['none']
			}
		},
		version: { name: version() },
		output: { preloadStrategy: 'modulepreload' }
	}
};
