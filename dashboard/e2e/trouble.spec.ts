// A server that goes and comes back, a session that ends, answers that fail: on lists, in the editor, in a dialog that is open. Nothing that
// was written is lost, and what is shown is right again without anybody doing anything.
import type { Page } from '@playwright/test';
import { Api } from './support/api';
import { ADMIN, Server } from './support/server';
import { expect, test, write } from './support/test';

const lost = (page: Page) => page.getByText('The server does not answer. The page goes on by itself');

test('a server that is started again: in a list, the editor, a dialog, and on the way to another page', async ({
	page,
	expected
}) => {
	const server = await Server.start();
	try {
		const open = new Api(server.manager, server.ingress, '');
		const { token } = await open.send<{ token: string }>('POST', '/setup', { token: server.setupToken, ...ADMIN });
		const api = new Api(server.manager, server.ingress, token);
		await api.app('shop');
		await api.script('shop', 'page', '"one"', { routes: ['GET /page'] });
		await api.call('shop', '/page');
		await page.addInitScript((token) => sessionStorage.setItem('picloud.token', token), token);
		expected.offline = true;

		// The editor with an unsaved text.
		await page.goto(`${server.manager}/apps/shop/scripts/page`);
		await write(page, 'Source of page', '"two"');
		await expect(page.getByText('Not saved')).toBeVisible();
		await server.stop();
		await page.getByRole('button', { name: 'Save as new version' }).click();
		await expect(lost(page)).toBeVisible();
		await expect(page.getByText('Whether it has done this is not known')).toBeVisible();
		await server.again();
		await expect(lost(page)).toHaveCount(0);
		await expect(page.getByRole('textbox', { name: 'Source of page' })).toContainText('"two"');
		await page.getByRole('button', { name: 'Save as new version' }).click();
		await expect(page.getByText('Version 2 is live.')).toBeVisible();
		await expect(page.getByText('Whether it has done this is not known')).toHaveCount(0);

		// A dialog with something written in it.
		await page.getByRole('link', { name: 'Configuration' }).click();
		await page.getByRole('button', { name: 'New variable' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('Name').fill('REGION');
		await dialog.getByLabel('Value').fill('eu');
		await server.stop();
		await dialog.getByRole('button', { name: 'Save' }).click();
		await expect(dialog.getByRole('alert')).toContainText('The server does not answer.');
		await server.again();
		await expect(lost(page)).toHaveCount(0);
		await expect(dialog.getByLabel('Value')).toHaveValue('eu');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await expect(page.getByRole('row', { name: /REGION eu/ })).toBeVisible();

		// A list, and pages that were not there yet.
		await page.getByRole('link', { name: 'Invocations', exact: true }).first().click();
		await expect(page.getByRole('cell', { name: 'GET /page' })).toHaveCount(1);
		await server.stop();
		await expect(lost(page)).toBeVisible();
		await expect(page.getByRole('cell', { name: 'GET /page' })).toHaveCount(1);
		for (const [name, heading] of [
			['Domains', 'Domains'],
			['Members', 'Members'],
			['Topics', 'Topics']
		] as const) {
			await page.getByRole('link', { name }).click();
			await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
		}

		// What could not be asked for is not said to be empty.
		const content = page.getByRole('main');
		for (const [name, asked, empty] of [
			['Invocations', '/invocations?', 'Nothing has run yet'],
			['Logs', '/logs?', 'No line yet'],
			['Topics', '/dead-letters?', 'None'],
			['Key-value store', '/kv?', 'Empty'],
			['Files', '/files?', 'No file yet'],
			['Audit log', '/audit?', 'No entry that fits']
		] as const) {
			const failed = page.waitForEvent('requestfailed', (request) => request.url().includes(asked));
			await page.getByRole('navigation', { name: 'App' }).getByRole('link', { name, exact: true }).click();
			await failed;
			await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
			await expect(content.getByText('Loading…').first()).toBeVisible();
			await expect(content.getByText(empty, { exact: true }), name).toHaveCount(0);
		}
		await page.getByRole('link', { name: 'Topics' }).click();
		await server.again();
		await expect(lost(page)).toHaveCount(0);
		await expect(page.getByText('No topic yet')).toBeVisible();
		await api.call('shop', '/page');
		await page.getByRole('link', { name: 'Invocations', exact: true }).first().click();
		await expect(page.getByRole('cell', { name: 'GET /page' })).toHaveCount(2);
	} finally {
		await server.end();
	}
});

test('an app is gone to while the server is away: its page is there already, or comes by itself', async ({
	another,
	page,
	expected
}) => {
	const server = await Server.start();
	try {
		const open = new Api(server.manager, server.ingress, '');
		const { token } = await open.send<{ token: string }>('POST', '/setup', { token: server.setupToken, ...ADMIN });
		const api = new Api(server.manager, server.ingress, token);
		await api.app('shop');
		expected.offline = true;

		// All code is loaded ahead, also from the list of apps.
		const early = await another('/', api);
		await expect
			.poll(() =>
				early.evaluate(() => {
					const names = performance.getEntriesByType('resource').map(({ name }) => name);
					return new Set(names.filter((name) => /\/nodes\/.*js$/.test(name))).size;
				})
			)
			.toBeGreaterThanOrEqual(24);
		await server.stop();
		await early.getByRole('link', { name: 'shop' }).click();
		await expect(lost(early)).toBeVisible();
		await expect(early).toHaveTitle(/^Overview · shop/);
		await server.again();
		await expect(early.getByRole('heading', { name: 'shop', level: 1 })).toBeVisible();

		// Where there was no time for that.
		await page.addInitScript((token) => {
			sessionStorage.setItem('picloud.token', token);
			const soon = setTimeout;
			Object.assign(window, { setTimeout: (act: () => void, ms?: number) => (ms === 1_500 ? 0 : soon(act, ms)) });
		}, token);
		await page.goto(server.manager);
		await expect(page.getByRole('link', { name: 'shop' })).toBeVisible();
		await server.stop();
		await page.getByRole('link', { name: 'shop' }).click();
		await expect(page.getByRole('heading', { name: 'The server cannot be reached' })).toBeVisible();
		await expect(page.getByText('The page comes by itself once it can be reached.')).toBeVisible();
		await server.again();
		await expect(page.getByRole('heading', { name: 'shop', level: 1 })).toBeVisible();
		await expect(page).toHaveURL(/\/apps\/shop$/);
	} finally {
		await server.end();
	}
});

test('a session that ends while a dialog is open leaves it as it is', async ({ api, enter, expected }) => {
	await api.app('patience');
	const mine = await Api.admin();
	const page = await enter('/apps/patience/topics', mine);
	await page.getByRole('button', { name: 'Publish an event' }).click();
	const publish = page.getByRole('dialog', { name: 'Publish an event' });
	await publish.getByLabel('Topic').fill('orders');
	await publish.getByLabel('Payload, as JSON').fill('{"kept": true}');
	expected.statuses.push(401);
	await mine.send('POST', '/auth/logout');
	// It is noticed by what the page reads by itself.
	const signIn = page.getByRole('dialog', { name: 'Your session has ended' });
	await expect(signIn).toBeVisible();
	for (let n = 0; n < 3; n += 1) await page.keyboard.press('Escape');
	await expect(signIn).toBeVisible();
	await expect(signIn.getByLabel('User name')).toHaveValue('ada');
	await signIn.getByLabel('Password').fill(ADMIN.password);
	await page.keyboard.press('Enter');
	await expect(signIn).toHaveCount(0);
	await expect(publish.getByLabel('Payload, as JSON')).toHaveValue('{"kept": true}');
	await publish.getByRole('button', { name: 'Publish', exact: true }).click();
	await expect(page.getByText('Published; no script is subscribed.')).toBeVisible();
});

test('a session that ends while logs are followed goes on with the next', async ({ api, enter, expected }) => {
	await api.app('watcher');
	await api.script('watcher', 'say', 'log::info("line " + kv::incr("n"))', { routes: ['GET /say'] });
	await api.call('watcher', '/say');
	const mine = await Api.admin();
	const page = await enter('/apps/watcher/logs', mine);
	const lines = page.getByRole('log', { name: 'Log lines' }).getByRole('listitem');
	await expect(lines).toHaveText([/line 1$/]);
	await expect(page.getByText('Live: lines stand here')).toBeVisible();
	expected.statuses.push(401);
	await mine.send('POST', '/auth/logout');
	const signIn = page.getByRole('dialog', { name: 'Your session has ended' });
	await expect(signIn).toBeVisible();
	await api.call('watcher', '/say');
	await signIn.getByLabel('Password').fill(ADMIN.password);
	await page.keyboard.press('Enter');
	await expect(signIn).toHaveCount(0);
	await expect(lines).toHaveText([/line 1$/, /line 2$/]);
	await api.call('watcher', '/say');
	await expect(lines).toHaveText([/line 1$/, /line 2$/, /line 3$/]);
});

test('answers that fail are told where they belong, and pass', async ({ api, enter, expected }) => {
	await api.app('sick');
	await api.script('sick', 'page', '"one"', { routes: ['GET /page'] });
	for (let n = 0; n < 60; n += 1) await api.call('sick', '/page');
	expected.statuses.push(500, 502, 503);
	const told = { error: { code: 'internal', message: 'something went wrong inside PiCloud', request_id: 'the-request' } };
	const page = await enter('/apps/sick/invocations');
	await expect(page.getByText('50 invocations shown.')).toBeVisible();
	await page.getByRole('button', { name: 'Live' }).click();

	// The next page of a list: what is there stays, and the rest comes by itself.
	let fails = 1;
	await page.route(/invocations\?.*before=/, async (route) => {
		if (fails-- > 0) await route.fulfill({ status: 500, json: told });
		else await route.continue();
	});
	await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
	await expect(page.getByText('Something went wrong inside PiCloud.')).toBeVisible();
	await expect(page.getByText('60 invocations shown.')).toBeVisible();
	await expect(page.getByText('Something went wrong inside PiCloud.')).toHaveCount(0);

	// A proxy's own page, on a page that is there already and on one that is not.
	let down = true;
	await page.route('**/api/v1/apps/sick/**', async (route) => {
		if (down) await route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' });
		else await route.continue();
	});
	await page.getByRole('link', { name: 'Schedules' }).click();
	await expect(page.getByText('The server, or a proxy in front of it, has a problem (502).')).toBeVisible();
	await page.getByRole('link', { name: 'Key-value store' }).click();
	await expect(page.getByText('The server, or a proxy in front of it, has a problem (502).')).toBeVisible();
	await expect(page.getByText('Empty', { exact: true })).toHaveCount(0);
	down = false;
	await expect(page.getByText('Empty', { exact: true })).toBeVisible();
	await expect(page.getByText('The server, or a proxy in front of it, has a problem (502).')).toHaveCount(0);

	// What is saved and fails can be saved again.
	down = true;
	await page.getByRole('button', { name: 'New entry' }).click();
	await page.getByLabel('Key', { exact: true }).fill('kept');
	await page.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('has a problem (502).')).toBeVisible();
	down = false;
	await page.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
});

test('where the server is a newer one, a page whose code is gone is loaded anew', async ({ enter, expected }) => {
	const page = await enter('/account');
	await expect(page.getByText('Session').first()).toBeVisible();
	expected.statuses.push(404);
	let newer = true;
	await page.route('**/_app/immutable/**', (route) => (newer ? route.fulfill({ status: 404, body: '' }) : route.continue()));
	await page.route('**/_app/version.json', (route) => (newer ? route.fulfill({ json: { version: 'newer' } }) : route.continue()));
	page.on('request', (request) => {
		if (request.isNavigationRequest()) newer = false;
	});
	await page.getByRole('link', { name: 'PiCloud: all apps' }).click();
	await expect(page.getByRole('heading', { name: 'Apps', level: 1 })).toBeVisible();
	expect(newer).toBe(false);
});

test('what failed while nobody looked is read again as soon as somebody does', async ({ api, enter, page, expected }) => {
	await api.app('unseen');
	expected.statuses.push(500);
	await page.clock.install();
	await page.addInitScript(() => {
		let visible = false;
		Object.defineProperty(document, 'visibilityState', { get: () => (visible ? 'visible' : 'hidden') });
		document.addEventListener('test-look', () => {
			visible = true;
			document.dispatchEvent(new Event('visibilitychange'));
		});
	});
	let fails = 0;
	await page.route('**/api/v1/apps/unseen/vars?**', async (route) => {
		fails += 1;
		if (fails > 1) await route.continue();
		else await route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'too early', request_id: 'r' } } });
	});
	await enter('/apps/unseen/config');
	await expect(page.getByText('Too early.')).toBeVisible();
	// Long after it would have been tried again.
	await page.clock.runFor(60_000);
	expect(fails).toBe(1);
	await page.evaluate(() => document.dispatchEvent(new Event('test-look')));
	await expect(page.getByText('None yet')).toHaveCount(2);
	await expect(page.getByText('Too early.')).toHaveCount(0);
});
