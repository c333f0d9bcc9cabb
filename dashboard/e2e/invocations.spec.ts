// The list of invocations while it is looked for what is rare: the server looks at 20,000 of them for one answer.
import { expect, test } from './support/test';

test('what a rare search has found stays while the list is live', async ({ api, enter, page }) => {
	await api.app('rare');
	await api.send('PATCH', '/apps/rare', { limits: { script_calls: 200 } });
	await api.script('rare', 'a', '1', { routes: ['GET /needle'] });
	await api.script('rare', 'many', 'for n in 0..200 { scripts::invoke("a", ()); }', { routes: ['GET /many'] });
	const first = () => api.send<{ items: unknown[]; next?: string | null }>('GET', '/apps/rare/invocations?text=needle');
	/** Puts more than is looked at at once before what is there. */
	const bury = async () => {
		await expect.poll(async () => (await first()).items.length).toBeGreaterThan(0);
		do {
			const answers = await Promise.all(Array.from({ length: 8 }, () => api.call('rare', '/many')));
			expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 204));
		} while ((await first()).items.length > 0);
		expect((await first()).next).toBeTruthy();
	};
	for (let n = 0; n < 3; n += 1) await api.call('rare', '/needle');
	await bury();
	// Each answer of the search, with where it began.
	const answers: { before: string | null; items: number; next: boolean }[] = [];
	page.on('response', async (response) => {
		const { pathname, searchParams } = new URL(response.url());
		if (pathname !== '/api/v1/apps/rare/invocations' || !searchParams.has('text')) return;
		const { items, next } = (await response.json()) as { items: unknown[]; next?: string | null };
		answers.push({ before: searchParams.get('before'), items: items.length, next: next != null });
	});
	// Whether it says, at any time, that there is none.
	await page.addInitScript(() => {
		const none = () => document.body?.innerText.includes('None that fits') && document.documentElement.classList.add('said-none');
		new MutationObserver(none).observe(document, { childList: true, subtree: true, characterData: true });
	});
	await enter('/apps/rare/invocations?text=needle');
	const found = page.getByRole('cell', { name: 'GET /needle' });
	await expect(found).toHaveCount(3);
	expect(answers[0]).toEqual({ before: null, items: 0, next: true });
	const refreshed = (times: number) =>
		expect.poll(() => answers.filter(({ before }) => before === null).length).toBeGreaterThan(times);
	await refreshed(answers.length + 3);
	await expect(found).toHaveCount(3);
	// What was looked at is not looked at again, but for the newest.
	expect(answers.filter(({ before }) => before !== null).length).toBeLessThan(3);

	// Others come, of which one fits.
	await api.call('rare', '/many');
	await api.call('rare', '/needle');
	await expect(found).toHaveCount(4);
	await refreshed(answers.length + 2);
	await expect(found).toHaveCount(4);
	expect(answers.filter(({ before }) => before !== null).length).toBeLessThan(3);
	await expect(page.locator('.said-none')).toHaveCount(0);

	// So many come while nobody reads that what lies between has to be looked through.
	await page.getByRole('button', { name: 'Live' }).click();
	await api.call('rare', '/needle');
	await bury();
	await expect(found).toHaveCount(4);
	await page.getByRole('button', { name: 'Paused' }).click();
	await expect(found).toHaveCount(5);
	await expect(page.locator('.said-none')).toHaveCount(0);

	await page.goto(`${api.manager}/apps/rare/invocations?text=nowhere`);
	await expect(page.getByText('None that fits')).toBeVisible();
});
