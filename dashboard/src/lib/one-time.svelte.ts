// One-time links: their secret stands behind the `#`, which no server gets to see.
import { replaceState } from '$app/navigation';
import { page } from '$app/state';
import { untrack } from 'svelte';

/** The secret of the link that led here; empty where it is not whole. It goes from the address at once: it is to be in no history, nor
 * to be read over anybody's shoulder. Reloading needs the link again. For components' scripts. */
export function linkSecret(): { readonly value: string } {
	const found = () => new URLSearchParams(page.url.hash.slice(1)).get('token') ?? '';
	let secret = $state(untrack(found));
	$effect(() => {
		// Also a link that is opened in this page changes nothing but what stands behind the `#`.
		const fresh = found();
		if (fresh === '') return;
		secret = fresh;
		const waiting = setTimeout(() => replaceState(page.url.pathname, {}));
		return () => clearTimeout(waiting);
	});
	return {
		get value() {
			return secret;
		}
	};
}
