// Errors that no page has caught. An address that leads nowhere, and code that could not be loaded, are told on the page, and are no errors of
// the page's.
import type { HandleClientError } from '@sveltejs/kit';

/** As Chromium, Firefox, Safari and Vite have it. */
const NOT_LOADED = /dynamically imported module|Importing a module script|Unable to preload/;

export const handleError: HandleClientError = ({ error, status, message }) => {
	if (NOT_LOADED.test(String(error))) console.warn(error);
	else if (status !== 404) console.error(error);
	return { message };
};
