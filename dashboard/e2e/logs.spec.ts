// The log page: no line twice, and none left out, whoever reads on while lines come, and whatever happens to the server.
import type { Page } from '@playwright/test';
import { Api } from './support/api';
import { ADMIN, Server } from './support/server';
import { expect, test } from './support/test';

/** What stands in the lines, in their order. */
const texts = async (page: Page): Promise<string[]> =>
	page
		.getByRole('log')
		.getByRole('listitem')
		.evaluateAll((items) => items.map((item) => /line \d+/.exec(item.textContent ?? '')?.[0] ?? ''));

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => `line ${from + n}`);

/** Each call writes three lines, all of them most often in the same millisecond. */
const SAY = 'let n = 3 * kv::incr("calls") - 3; for k in 0..3 { log::info(`line ${n + k}`); }';

test('earlier lines are read page by page while others come', async ({ api, enter }) => {
	await api.app('tail');
	await api.script('tail', 'say', SAY, { routes: ['GET /say'] });
	for (let n = 0; n < 120; n += 1) await api.call('tail', '/say');
	const page = await enter('/apps/tail/logs');
	const lines = page.getByRole('log', { name: 'Log lines' }).getByRole('listitem');
	await expect(page.getByText('Live: lines stand here')).toBeVisible();
	await expect(lines).toHaveCount(150);
	await api.call('tail', '/say');
	await expect(lines).toHaveCount(153);
	const earlier = page.getByRole('button', { name: 'Earlier lines' });
	await earlier.click();
	await expect(lines).toHaveCount(303);
	await api.call('tail', '/say');
	await expect(lines).toHaveCount(306);
	await earlier.click();
	await expect(lines).toHaveCount(366);
	await expect(earlier).toHaveCount(0);
	expect(await texts(page)).toEqual(numbers(0, 366));
});

test('more lines than are kept go, and come again', async ({ api, enter }) => {
	await api.app('flood');
	await api.script('flood', 'say', 'let n = 250 * kv::incr("calls") - 250; for k in 0..250 { log::info(`line ${n + k}`); }', {
		routes: ['GET /say']
	});
	await api.call('flood', '/say');
	const page = await enter('/apps/flood/logs');
	const log = page.getByRole('log', { name: 'Log lines' });
	const lines = log.getByRole('listitem');
	await expect(lines).toHaveCount(250);
	await expect(page.getByRole('button', { name: 'Earlier lines' })).toHaveCount(0);
	for (let n = 1; n < 10; n += 1) await api.call('flood', '/say');
	await expect(log.getByText('line 2499', { exact: true })).toBeVisible();
	await expect(lines).toHaveCount(2_000);
	await page.getByRole('button', { name: 'Earlier lines' }).click();
	await expect(lines).toHaveCount(2_500);
	// Who reads further up loses nothing by what is written meanwhile.
	await log.evaluate((element) => element.scrollTo(0, 0));
	await api.call('flood', '/say');
	await expect(lines).toHaveCount(2_750);
	expect(await texts(page)).toEqual(numbers(0, 2_750));
});

test('a server that is started again takes no line away', async ({ page, expected }) => {
	const server = await Server.start();
	try {
		const open = new Api(server.manager, server.ingress, '');
		const { token } = await open.send<{ token: string }>('POST', '/setup', { token: server.setupToken, ...ADMIN });
		const api = new Api(server.manager, server.ingress, token);
		await api.app('tail');
		await api.script('tail', 'say', SAY, { routes: ['GET /say'] });
		await api.call('tail', '/say');
		await page.addInitScript((token) => sessionStorage.setItem('picloud.token', token), token);
		await page.goto(`${server.manager}/apps/tail/logs`);
		const lines = page.getByRole('log', { name: 'Log lines' }).getByRole('listitem');
		await expect(lines).toHaveCount(3);
		await api.call('tail', '/say');
		await expect(lines).toHaveCount(6);
		expected.offline = true;
		await server.stop();
		await expect(page.getByText('The server does not answer.')).toBeVisible();
		expect(await texts(page)).toEqual(numbers(0, 6));
		await server.again();
		// What is written before the page has noticed is there as well.
		await api.call('tail', '/say');
		await expect(page.getByText('Live: lines stand here')).toBeVisible();
		await expect(lines).toHaveCount(9);
		expect(await texts(page)).toEqual(numbers(0, 9));
	} finally {
		await server.end();
	}
});
