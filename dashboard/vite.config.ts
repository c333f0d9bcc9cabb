// How the dashboard is built, and served while one works on it (`npm run dev`, beside a PiCloud at PICLOUD_MANAGER).
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig, type Plugin } from 'vite';

/** SvelteKit's own announcer for screen readers hides itself by a style attribute, which the policy forbids. */
function withoutInlineStyle(): Plugin {
	return {
		name: 'announcer-without-inline-style',
		enforce: 'pre',
		transform(code, id) {
			if (!id.endsWith('generated/root.svelte')) return undefined;
			const styled = /(<div id="svelte-announcer"[^>]*?) style="[^"]*"/;
			if (!styled.test(code)) throw new Error('SvelteKit has another announcer: look whether it breaks the policy');
			return { code: code.replace(styled, '$1 class="visually-hidden"'), map: null };
		}
	};
}

export default defineConfig({
	plugins: [withoutInlineStyle(), sveltekit()],
	build: { sourcemap: false, target: 'es2022', cssTarget: ['chrome123', 'firefox120', 'safari17.5'] },
	server: {
		fs: { allow: ['..'] },
		proxy: { '/api': process.env.PICLOUD_MANAGER ?? 'http://127.0.0.1:7070' }
	}
});
