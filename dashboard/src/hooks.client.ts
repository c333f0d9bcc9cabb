// Errors that no page has caught. An address that leads nowhere is told on the page, and is no error of the page's.
import type { HandleClientError } from '@sveltejs/kit';

export const handleError: HandleClientError = ({ error, status, message }) => {
	if (status !== 404) console.error(error);
	return { message };
};
