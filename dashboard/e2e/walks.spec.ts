// What one does with PiCloud, each from beginning to end.
import type { Page } from '@playwright/test';
import { ADMIN, Server } from './support/server';
import { Api } from './support/api';
import { expect, test, write } from './support/test';

const answer = (page: Page) => page.getByRole('region', { name: "The response's body" });

test('what burns all its fuel is found by its line, and rolled back', async ({ api, enter }) => {
	await api.app('bombs');
	await api.script('bombs', 'count', '"fine"', { routes: ['GET /count'] });
	const page = await enter('/apps/bombs/scripts/count');
	await write(page, 'Source of count', '// Never ends.\nlet n = 0;\nloop {\n    n += 1;\n}');
	await expect(page.getByText('Not saved')).toBeVisible();
	await page.keyboard.press('ControlOrMeta+S');
	await expect(page.getByText('Version 2 is live.')).toBeVisible();
	await page.keyboard.press('ControlOrMeta+Enter');
	const call = page.getByRole('region', { name: 'Try it' });
	await expect(call.getByText('out of fuel', { exact: true })).toBeVisible();
	await expect(call.getByRole('alert')).toContainText(/Line [34]/);
	await expect(page.getByRole('textbox', { name: 'Source of count' })).toContainText('Never ends');
	await call.getByRole('link', { name: 'All of it' }).click();

	const error = page.getByRole('region', { name: 'Error', exact: true });
	await expect(error.getByText(/^count, line [34]/)).toBeVisible();
	await expect(error.getByRole('region').locator('.here').first()).toContainText(/loop|n \+= 1/);
	await expect(page.getByRole('meter', { name: 'Fuel' })).toHaveAttribute('aria-valuetext', /(99|100) % of/);

	await error.getByRole('link', { name: /in the editor/ }).click();
	await page.getByRole('navigation', { name: 'Script' }).getByRole('link', { name: 'Versions' }).click();
	await page.getByRole('button', { name: 'Compare' }).click();
	await expect(page.getByRole('textbox', { name: 'Before' })).toContainText('"fine"');
	await expect(page.getByRole('textbox', { name: 'After' })).toContainText('Never ends');
	await page.getByRole('button', { name: 'Go back to 1' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Go back' }).click();
	await expect(page.getByText('Version 1 answers again.')).toBeVisible();
	expect(await (await api.call('bombs', '/count')).text()).toBe('fine');
	await page.getByRole('link', { name: 'Source' }).click();
	await expect(page.getByRole('textbox', { name: 'Source of count' })).toContainText('"fine"');
});

test('what is written while a version is saved is not lost', async ({ api, enter }) => {
	await api.app('slow');
	await api.script('slow', 'note', '"one"', { topics: ['a', 'b'] });
	const page = await enter('/apps/slow/scripts/note');
	let open = () => {};
	const gate = new Promise<void>((opened) => (open = opened));
	await page.route('**/api/v1/apps/slow/scripts/note', async (route) => {
		if (route.request().method() === 'PUT') await gate;
		await route.continue();
	});
	await write(page, 'Source of note', '"two"');
	await page.keyboard.press('ControlOrMeta+S');
	await page.keyboard.type(' + " more"');
	open();
	await expect(page.getByText('Version 2 is live.')).toBeVisible();
	await expect(page.getByText('Not saved')).toBeVisible();
	await page.keyboard.press('ControlOrMeta+S');
	await expect(page.getByText('Version 3 is live.')).toBeVisible();
	await expect(page.getByText('Not saved')).toHaveCount(0);

	// In another order than the server's.
	await page.getByRole('navigation', { name: 'Script' }).getByRole('link', { name: 'Triggers' }).click();
	const topics = page.getByRole('textbox', { name: 'Topics' });
	await topics.fill('b\na');
	await page.getByRole('button', { name: 'Save as new version' }).click();
	await expect(topics).toHaveValue('a\nb');
	await expect(page.getByText('Not saved')).toHaveCount(0);
});

test('an event is published, given up, mended and replayed', async ({ api, enter }) => {
	await api.app('events');
	await api.script('events', 'on_order', 'throw "the shop is closed"', { topics: ['orders'] });
	const page = await enter('/apps/events/topics');
	await page.getByRole('button', { name: 'Publish an event' }).click();
	await page.getByLabel('Topic').fill('orders');
	await page.getByLabel('Payload, as JSON').fill('{"id": }');
	await expect(page.getByText('This is not JSON.')).toBeVisible();
	await page.getByLabel('Payload, as JSON').fill('{"id": 7}');
	await page.getByRole('dialog').getByRole('button', { name: 'Publish', exact: true }).click();
	await expect(page.getByText('Published: 1 delivery.')).toBeVisible();
	const letter = page.getByRole('row', { name: /the shop is closed/ });
	await expect(letter).toBeVisible();
	await letter.getByRole('button', { name: 'Look' }).click();
	await expect(page.getByRole('dialog').getByRole('region', { name: 'Payload' })).toContainText('"id": 7');
	await page.keyboard.press('Escape');

	await api.script('events', 'on_order', 'kv::set("order", event.payload.id)');
	await letter.getByRole('button', { name: 'Replay' }).click();
	await expect(letter).toHaveCount(0);
	await page.getByRole('link', { name: 'Key-value store' }).click();
	await page.getByRole('button', { name: 'order', exact: true }).click();
	await expect(page.getByLabel('Value, as JSON')).toHaveValue('7');
});

test('logs are followed while they are written, and held while it is paused', async ({ api, enter }) => {
	await api.app('logs');
	await api.script('logs', 'say', 'log::info("said " + req.query.what, #{ by: "say" }); log::debug("quietly"); "ok"', {
		routes: ['GET /say']
	});
	await api.call('logs', '/say?what=before');
	const page = await enter('/apps/logs/logs');
	const lines = page.getByRole('log', { name: 'Log lines' });
	await expect(lines.getByText('said before')).toBeVisible();
	await expect(page.getByText('Live: lines stand here')).toBeVisible();
	await api.call('logs', '/say?what=meanwhile');
	await expect(lines.getByText('said meanwhile')).toBeVisible();
	await expect(lines.getByText('by=say').first()).toBeVisible();
	await page.getByRole('button', { name: 'Pause' }).click();
	await api.call('logs', '/say?what=held');
	await expect(page.getByText('Paused, 2 new lines')).toBeVisible();
	await expect(lines.getByText('said held')).toHaveCount(0);
	await page.getByRole('button', { name: 'Go on' }).click();
	await expect(lines.getByText('said held')).toBeVisible();
	await page.getByLabel('Least level').selectOption('info');
	await expect(lines.getByText('said held')).toBeVisible();
	await expect(lines.getByText('quietly')).toHaveCount(0);
});

test('two who write the same script do not overwrite each other', async ({ api, enter, expected }) => {
	await api.app('both');
	await api.script('both', 'page', '"one"', { routes: ['GET /page'] });
	const page = await enter('/apps/both/scripts/page');
	await write(page, 'Source of page', '"mine"');
	await api.script('both', 'page', '"theirs"');
	expected.statuses.push(412);
	await page.getByRole('button', { name: 'Save as new version' }).click();
	await expect(page.getByText('Somebody else has saved version 2')).toBeVisible();
	await page.getByRole('button', { name: 'Save mine over it' }).click();
	await expect(page.getByText('Version 3 is live.')).toBeVisible();
	expect(await (await api.call('both', '/page')).text()).toBe('mine');
});

test('the editor knows what scripts can call', async ({ api, enter }) => {
	await api.app('help');
	await api.script('help', 'page', '()', { routes: ['GET /page'] });
	const page = await enter('/apps/help/scripts/page');
	await write(page, 'Source of page', '');
	await page.keyboard.type('kv::inc');
	// Beside them stands what they do, not cut away by anything.
	const help = page.locator('.cm-completionInfo');
	await expect(help).toContainText('incr');
	const seen = () =>
		help.evaluate((element) => {
			const { left, top, width, height } = element.getBoundingClientRect();
			const at = (element.getRootNode() as ShadowRoot).elementFromPoint(left + width / 2, top + height / 2);
			return element.contains(at);
		});
	await expect.poll(seen).toBe(true);
	await page.getByRole('option', { name: /^incr/ }).first().click();
	await page.keyboard.type('"n"');
	await expect(page.getByRole('textbox', { name: 'Source of page' })).toContainText('kv::incr("n")');
});

test('what is typed over a selection takes its place', async ({ api, enter }) => {
	await api.app('typed');
	await api.script('typed', 'page', 'let greeting = "hello";\nlet n = 1;\ngreeting', { routes: ['GET /page'] });
	const page = await enter('/apps/typed/scripts/page');
	const editor = page.getByRole('textbox', { name: 'Source of page' });
	// Over what has colours of its own, over several lines, and by a bracket, which is put around it.
	await editor.getByText('"hello"').dblclick();
	await page.keyboard.type('bye');
	await expect(editor).toContainText('let greeting = "bye";');
	await editor.getByText('greeting').last().dblclick();
	await page.keyboard.type('(');
	await expect(editor).toContainText('(greeting)');
	await page.keyboard.press('ControlOrMeta+A');
	await page.keyboard.type('"hi"');
	await expect(editor).toHaveText('"hi"');
	await page.keyboard.press('ControlOrMeta+Z');
	await expect(editor).toContainText('(greeting)');
	await page.keyboard.press('ControlOrMeta+A');
	await page.keyboard.type('1 + 1');
	await expect(editor).toHaveText('1 + 1');
	await page.getByRole('button', { name: 'Save as new version' }).click();
	await expect(page.getByText('Version 2 is live.')).toBeVisible();
	expect(await (await api.call('typed', '/page')).text()).toBe('2');
});

test('a session that ends asks for the password, and nothing is lost', async ({ api, enter, expected }) => {
	await api.app('session');
	await api.script('session', 'page', '"one"', { routes: ['GET /page'] });
	const mine = await Api.admin();
	const page = await enter('/apps/session/scripts/page', mine);
	await write(page, 'Source of page', '"kept"');
	await mine.send('POST', '/auth/logout');
	expected.statuses.push(401);
	await page.getByRole('button', { name: 'Save as new version' }).click();
	const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
	await expect(dialog).toBeVisible();
	await dialog.getByLabel('Password').fill('wrong password');
	await dialog.getByRole('button', { name: 'Sign in' }).click();
	await expect(dialog.getByRole('alert')).toContainText('Wrong user name or password');
	await dialog.getByLabel('Password').fill(ADMIN.password);
	await dialog.getByRole('button', { name: 'Sign in' }).click();
	await expect(dialog).toHaveCount(0);
	await page.getByRole('button', { name: 'Save as new version' }).click();
	await expect(page.getByText('Version 2 is live.')).toBeVisible();
});

test('a lost connection and a failing server are told, and pass', async ({ api, enter, expected }) => {
	await api.app('weather');
	const page = await enter('/apps/weather');
	await expect(page.getByText('Write the first script')).toBeVisible();
	expected.offline = true;
	await page.context().setOffline(true);
	await page.getByRole('button', { name: 'Week' }).click();
	await expect(page.getByText('The server does not answer. The page goes on by itself')).toBeVisible();
	await page.context().setOffline(false);
	await expect(page.getByText('The server does not answer. The page goes on by itself')).toHaveCount(0);

	expected.statuses.push(500);
	await page.route('**/api/v1/apps/weather/scripts?**', (route) =>
		route.fulfill({
			status: 500,
			json: { error: { code: 'internal', message: 'something went wrong inside PiCloud', request_id: 'the-request' } }
		})
	);
	await page.getByRole('link', { name: 'Scripts' }).first().click();
	await expect(page.getByText('Something went wrong inside PiCloud.')).toBeVisible();
	await expect(page.getByText('Request the-request')).toBeVisible();
	await page.unroute('**/api/v1/apps/weather/scripts?**');
	await expect(page.getByText('No script yet')).toBeVisible();
});

test('a server that is started again is waited for', async ({ page, expected }) => {
	const server = await Server.start();
	try {
		const open = new Api(server.manager, server.ingress, '');
		await open.send('POST', '/setup', { token: server.setupToken, ...ADMIN });
		await page.goto(server.manager);
		await page.getByLabel('User name').fill(ADMIN.username);
		await page.getByLabel('Password').fill(ADMIN.password);
		await page.getByRole('button', { name: 'Sign in' }).click();
		await page.getByRole('button', { name: 'New app' }).first().click();
		await page.getByLabel('Short name').fill('again');
		await page.getByRole('button', { name: 'Create', exact: true }).click();
		await page.getByRole('link', { name: 'Logs' }).click();
		await expect(page.getByText('Live: lines stand here')).toBeVisible();
		expected.offline = true;
		await server.stop();
		await expect(page.getByText('The server does not answer.')).toBeVisible();
		await server.again();
		await expect(page.getByText('The server does not answer.')).toHaveCount(0);
		await expect(page.getByText('Live: lines stand here')).toBeVisible();
	} finally {
		await server.end();
	}
});
