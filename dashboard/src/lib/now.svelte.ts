// A clock for "3 minutes ago", which goes while somebody looks.
import { createSubscriber } from 'svelte/reactivity';

let value = Date.now();
const subscribe = createSubscriber((update) => {
	const timer = setInterval(() => {
		value = Date.now();
		update();
	}, 5_000);
	return () => clearInterval(timer);
});

export function now(): number {
	subscribe();
	const current = Date.now();
	if (current - value > 5_000) value = current;
	return value;
}
