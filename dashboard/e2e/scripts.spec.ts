// Scripts: what starts them, who may call them, running them again, and their end.
import { expect, test, write } from './support/test';

test('what starts a script is changed, and Ctrl+S saves it with capitals too', async ({ api, enter }) => {
	await api.app('triggers');
	await api.script('triggers', 'page', '"page"', { routes: ['GET /old'] });
	const page = await enter('/apps/triggers/scripts/page?tab=triggers');
	await page.getByLabel('Routes').fill('GET /new\nGET /members auth: token');
	await page.getByLabel('Topics').fill('orders');
	await page.getByLabel('Schedules').fill('0 7 * * 1 Europe/Berlin');
	await expect(page.getByText('Not saved')).toBeVisible();
	await page.keyboard.press('Control+S');
	await expect(page.getByText('Version 2 is live.')).toBeVisible();
	await page.getByLabel('Topics').fill('orders\nreturns');
	// As with the shift key, or with caps lock.
	await page.keyboard.press('Control+Shift+S');
	await expect(page.getByText('Version 3 is live.')).toBeVisible();

	expect((await api.call('triggers', '/old')).status).toBe(404);
	expect(await (await api.call('triggers', '/new')).text()).toBe('page');
	expect((await api.call('triggers', '/members')).status).toBe(401);
	const authorization = `Bearer ${api.token}`;
	expect(await (await api.call('triggers', '/members', { headers: { authorization } })).text()).toBe('page');
	await page.getByRole('navigation', { name: 'App' }).getByRole('link', { name: 'Topics' }).click();
	await expect(page.getByRole('row', { name: /orders page/ })).toBeVisible();
	await expect(page.getByRole('row', { name: /returns page/ })).toBeVisible();
	await page.getByRole('navigation', { name: 'App' }).getByRole('link', { name: 'Schedules' }).click();
	await expect(page.getByRole('row', { name: /page 0 7 \* \* 1/ })).toBeVisible();
});

test('triggers that are refused are told, and kept to be mended', async ({ api, enter, expected }) => {
	await api.app('refused');
	await api.script('refused', 'one', '1', { routes: ['GET /taken'] });
	await api.script('refused', 'two', '2', { routes: ['GET /two'] });
	const page = await enter('/apps/refused/scripts/two?tab=triggers');
	expected.statuses.push(409, 422);
	for (const [routes, told] of [
		['GET /taken', /taken/],
		['FETCH /x', /FETCH|method/i],
		['GET no-slash', /\//]
	] as const) {
		await page.getByLabel('Routes').fill(routes);
		await page.getByRole('button', { name: 'Save as new version' }).click();
		await expect(page.getByRole('alert')).toContainText(told);
		await expect(page.getByLabel('Routes')).toHaveValue(routes);
	}
	await page.getByLabel('Routes').fill('GET /free');
	await page.getByLabel('Schedules').fill('0 7 * * 1\n99 * * * *');
	await page.getByRole('button', { name: 'Save as new version' }).click();
	await expect(page.getByRole('alert')).toHaveText(/^Schedule "99 \* \* \* \*": /);
	await page.getByLabel('Schedules').fill('');
	await page.getByRole('button', { name: 'Save as new version' }).click();
	await expect(page.getByText('Version 2 is live.')).toBeVisible();
	await expect(page.getByRole('alert')).toHaveCount(0);
});

test('what is wrong with a new script is told until it is mended', async ({ api, enter, expected }) => {
	await api.app('named');
	const page = await enter('/apps/named/new');
	expected.statuses.push(400, 422);
	const save = page.getByRole('button', { name: 'Save and go live' });
	await page.getByLabel('Name', { exact: true }).fill('no name');
	await save.click();
	await expect(page.getByRole('alert')).toContainText("A script's name is");
	await page.getByLabel('Name', { exact: true }).fill('greet');
	await expect(page.getByRole('alert')).toHaveCount(0);
	await page.getByLabel('Schedules').fill('99 * * * *');
	await save.click();
	await expect(page.getByRole('alert')).toHaveText(/^Schedule "99 \* \* \* \*": /);
	await page.getByLabel('Schedules').fill('');
	await expect(page.getByRole('alert')).toHaveCount(0);
	await save.click();
	await expect(page.getByRole('heading', { name: 'greet', level: 1 })).toBeVisible();
});

test('a script is deleted, once its name is typed', async ({ api, enter, expected }) => {
	await api.app('ends');
	await api.script('ends', 'lib/shared', 'fn one() { 1 }');
	await api.script('ends', 'page', 'import "lib/shared" as lib; lib::one()', { routes: ['GET /page'] });
	const page = await enter('/apps/ends/scripts/lib%2Fshared?tab=triggers');
	const dialog = page.getByRole('dialog');
	const remove = async (name: string) => {
		await page.getByRole('button', { name: 'Delete the script' }).click();
		await expect(dialog.getByRole('button', { name: 'Delete', exact: true })).toBeDisabled();
		await dialog.getByLabel(`To confirm, type ${name}`).fill(name);
		await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
	};
	// Another one imports it.
	expected.statuses.push(409);
	await remove('lib/shared');
	await expect(dialog.getByRole('alert')).toContainText('page');
	await dialog.getByRole('button', { name: 'Cancel' }).click();

	await page.goto(`${api.manager}/apps/ends/scripts/page?tab=triggers`);
	await remove('page');
	await expect(page.getByText('page is deleted.')).toBeVisible();
	await expect(page.getByRole('heading', { name: 'Scripts', level: 1 })).toBeVisible();
	await expect(page.getByRole('link', { name: 'page', exact: true })).toHaveCount(0);
	expect((await api.call('ends', '/page')).status).toBe(404);
	await page.getByRole('link', { name: 'lib/shared' }).click();
	await page.getByRole('link', { name: 'Triggers', exact: true }).click();
	await remove('lib/shared');
	await expect(page.getByText('No script yet')).toBeVisible();
	expected.statuses.push(404);
	await page.goto(`${api.manager}/apps/ends/scripts/page`);
	await expect(page.getByText('There is no script page')).toBeVisible();
});

test('an invocation is run again from the editor, and nothing is sent unasked', async ({ api, enter }) => {
	await api.app('again');
	await api.script(
		'again',
		'items',
		'if req.method == "DELETE" { let key = if req.query.id == () { "all" } else { "one" }; kv::incr(key); } "hello " + req.method + " " + req.path + " " + req.text()',
		{ routes: ['DELETE /items', 'POST /items/{name}'] }
	);
	const runs = async () => (await api.send<{ items: unknown[] }>('GET', '/apps/again/invocations?script=items')).items.length;
	await api.call('again', '/items?id=1', { method: 'DELETE' });
	const page = await enter('/apps/again/invocations');
	const sent: string[] = [];
	page.on('request', (request) => {
		if (request.method() !== 'GET') sent.push(request.url());
	});
	const open = async (name: RegExp) => {
		await page.getByRole('link', { name: 'Invocations', exact: true }).first().click();
		await page.getByRole('row', { name }).first().getByRole('link').first().click();
		await page.getByRole('button', { name: 'Run again' }).click();
	};
	const call = page.getByRole('region', { name: 'Try it' });
	await open(/DELETE \/items/);
	await expect(call.getByText('Nothing has been sent.')).toContainText('not its query, headers and body');
	await expect(call.getByLabel('Method')).toHaveValue('DELETE');
	await expect(call.getByLabel('Path')).toHaveValue('/items');
	// Checking its source changes nothing.
	expect(sent.filter((url) => !url.endsWith('/check'))).toEqual([]);
	expect(await runs()).toBe(1);
	await call.getByLabel('Path').fill('/items?id=2');
	await call.getByRole('button', { name: 'Send the request' }).click();
	await expect(call.getByRole('region', { name: "The response's body" })).toHaveText('hello DELETE /items');
	expect((await api.send<{ items: string[] }>('GET', '/apps/again/kv')).items).toEqual(['one']);

	// What its address had encoded is encoded again.
	await api.call('again', '/items/a%20b%3Fc%25', { method: 'POST', body: 'body' });
	await open(/POST \/items/);
	await expect(call.getByLabel('Method')).toHaveValue('POST');
	await expect(call.getByLabel('Path')).toHaveValue('/items/a%20b%3Fc%25');
	await call.getByLabel('Body').fill('another');
	await call.getByRole('button', { name: 'Send the request' }).click();
	await expect(call.getByRole('region', { name: "The response's body" })).toHaveText('hello POST /items/a b?c% another');
});

test('an event is run again with its payload where one is kept, and else once it is written', async ({ api, enter }) => {
	await api.app('given');
	await api.script('given', 'on_order', 'if event.payload.id == 7 { throw "the shop is closed" } event.payload.id', {
		topics: ['orders']
	});
	await api.send('POST', '/apps/given/topics/orders', { payload: { id: 1 } });
	await api.send('POST', '/apps/given/topics/orders', { payload: { id: 7 } });
	const page = await enter('/apps/given/topics');
	await expect(page.getByRole('row', { name: /the shop is closed/ })).toHaveCount(1);
	const dead = await api.send<{ items: { last_invocation: string }[] }>('GET', '/apps/given/dead-letters');
	const call = page.getByRole('region', { name: 'Try it' });
	const payload = call.getByLabel('Payload, as JSON');
	const run = call.getByRole('button', { name: 'Run', exact: true });
	const again = async (invocation: string) => {
		await page.goto(`${api.manager}/apps/given/invocations/${invocation}`);
		await page.getByRole('button', { name: 'Run again' }).click();
		await expect(call.getByText('Nothing has been sent.')).toBeVisible();
	};
	const runs = () => api.send<{ items: { id: string; outcome: string }[] }>('GET', '/apps/given/invocations?script=on_order');
	const before = (await runs()).items;

	await again(dead.items[0]!.last_invocation);
	await expect(payload).toHaveValue('{\n  "id": 7\n}');
	await expect(run).toBeEnabled();

	// The one that arrived is kept nowhere.
	await again(before.find(({ outcome }) => outcome === 'ok')!.id);
	await expect(call.getByText('A record keeps no payload')).toBeVisible();
	await expect(payload).toHaveValue('');
	await expect(run).toBeDisabled();
	expect((await runs()).items).toHaveLength(before.length);
	await payload.fill('{"id": 2}');
	await run.click();
	await expect(call.getByRole('region', { name: "The response's body" })).toHaveText('2');
});

test('who leaves a script that is not saved is asked', async ({ api, enter }) => {
	await api.app('leave');
	await api.script('leave', 'page', '1', { routes: ['GET /page'] });
	const page = await enter('/apps/leave/scripts/page');
	await write(page, 'Source of page', '2');
	let leave = false;
	const questions: string[] = [];
	page.on('dialog', async (dialog) => {
		questions.push(dialog.message());
		await (leave ? dialog.accept() : dialog.dismiss());
	});
	await page.getByRole('link', { name: 'Logs' }).click();
	await expect.poll(() => questions.length).toBe(1);
	await expect(page.getByRole('textbox', { name: 'Source of page' })).toContainText('2');
	leave = true;
	await page.getByRole('link', { name: 'Logs' }).click();
	await expect(page.getByRole('heading', { name: 'Logs', level: 1 })).toBeVisible();
	expect(questions).toEqual(Array(2).fill('The changes of this script are not saved. Leave all the same?'));
});
