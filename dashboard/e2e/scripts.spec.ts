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
	await page.getByRole('button', { name: 'Save as new version' }).click();
	await expect(page.getByText('Version 2 is live.')).toBeVisible();
	await expect(page.getByRole('alert')).toHaveCount(0);
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

test('an invocation is run again: by itself, or, where a body is missing, from the editor', async ({ api, enter }) => {
	await api.app('again');
	await api.script('again', 'greet', '"hello " + req.method + " " + req.text()', { routes: ['GET /greet', 'POST /greet'] });
	await api.call('again', '/greet');
	const page = await enter('/apps/again/invocations');
	await page
		.getByRole('row', { name: /GET \/greet/ })
		.getByRole('link')
		.click();
	await expect(page.getByRole('heading', { name: 'GET /greet' })).toBeVisible();
	const before = page.url();
	await page.getByRole('button', { name: 'Run again' }).click();
	await expect(page.getByText('It ran again, with the version that answers now.')).toBeVisible();
	await expect(page).not.toHaveURL(before);
	await expect(page.getByRole('region', { name: "The response's body" })).toHaveText('hello GET');
	await expect(page.getByText('hand', { exact: true })).toBeVisible();

	await api.call('again', '/greet', { method: 'POST', body: 'body' });
	await page.getByRole('link', { name: 'Invocations', exact: true }).first().click();
	await page
		.getByRole('row', { name: /POST \/greet/ })
		.getByRole('link')
		.click();
	await page.getByRole('button', { name: 'Run again' }).click();
	await expect(page.getByLabel('Method')).toHaveValue('POST');
	await expect(page.getByLabel('Path')).toHaveValue('/greet');
	await page.getByLabel('Body').fill('another');
	await page.getByRole('button', { name: 'Send the request' }).click();
	await expect(page.getByRole('region', { name: "The response's body" })).toHaveText('hello POST another');
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
