// One page for all addresses, whose only inline script is named by its hash. The manager sends the same policy as a header.
import adapter from '@sveltejs/adapter-static';

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
		// The same sources make the same bytes: the usual name is the time.
		version: { name: 'dashboard' },
		output: { preloadStrategy: 'modulepreload' }
	}
};
