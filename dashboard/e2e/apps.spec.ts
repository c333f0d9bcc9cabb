// An app: its name, limits and debug mode, two who change them at once, and its end.
import { expect, test } from './support/test';

test('an app is made, renamed, limited and deleted', async ({ api, enter, expected }) => {
	const page = await enter('/');
	const dialog = page.getByRole('dialog');
	expected.statuses.push(409, 422);
	await page.getByRole('button', { name: 'New app' }).first().click();
	await dialog.getByLabel('Short name').fill('Not a name');
	await dialog.getByRole('button', { name: 'Create' }).click();
	await expect(dialog.getByRole('alert')).toBeVisible();
	await dialog.getByLabel('Short name').fill('kitchen');
	await dialog.getByRole('button', { name: 'Create' }).click();
	await expect(page.getByRole('heading', { name: 'kitchen', level: 1 })).toBeVisible();
	await api.script('kitchen', 'cook', 'throw "burnt"', { routes: ['GET /cook'] });

	await page.getByRole('link', { name: 'Settings' }).click();
	await page.getByLabel('Name', { exact: true }).fill('  Kitchen & cellar ');
	await page.getByLabel('Debug mode').check();
	await page.getByRole('button', { name: 'Save', exact: true }).first().click();
	await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
	await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Kitchen & cellar');
	expect(await (await api.call('kitchen', '/cook')).text()).toContain('burnt');

	const fuel = page.getByLabel('Fuel of one invocation');
	await fuel.fill('99999999999999');
	await page.getByRole('button', { name: 'Save the limits' }).click();
	await expect(page.getByRole('alert')).toContainText(/fuel/);
	await fuel.fill('1000000');
	await page.getByRole('button', { name: 'Save the limits' }).click();
	await expect(page.getByRole('alert')).toHaveCount(0);
	await expect.poll(async () => (await api.send<{ limits: object }>('GET', '/apps/kitchen')).limits).toEqual({ fuel: 1_000_000 });
	await fuel.fill('');
	await page.getByRole('button', { name: 'Save the limits' }).click();
	await expect.poll(async () => (await api.send<{ limits: object }>('GET', '/apps/kitchen')).limits).toEqual({});

	await page.getByLabel('Hosts that its scripts may reach').fill('api.example.com\n\n  hooks.example.com');
	await page.getByLabel('Hosts that its scripts may reach').press('Tab');
	await page.keyboard.press('Enter');
	await expect
		.poll(async () => (await api.send<{ outbound: string[] }>('GET', '/apps/kitchen')).outbound)
		.toEqual(['api.example.com', 'hooks.example.com']);

	await page.getByRole('button', { name: 'Delete the app' }).click();
	await expect(dialog.getByRole('button', { name: 'Delete', exact: true })).toBeDisabled();
	await dialog.getByLabel('To confirm, type kitchen').fill('kitchen');
	await page.keyboard.press('Enter');
	await expect(page.getByText('kitchen is deleted.')).toBeVisible();
	await expect(page.getByRole('heading', { name: 'Apps', level: 1 })).toBeVisible();
	await expect(page.getByRole('link', { name: /Kitchen & cellar/ })).toHaveCount(0);
	expected.statuses.push(404);
	await page.goto(`${api.manager}/apps/kitchen`);
	await expect(page.getByText('There is no such app, or you are no member of it')).toBeVisible();
});

test('two who change the settings of an app do not overwrite each other', async ({ api, enter, expected }) => {
	await api.app('two');
	const page = await enter('/apps/two/settings');
	const [name, hosts, fuel] = [
		page.getByLabel('Name', { exact: true }),
		page.getByLabel('Hosts that its scripts may reach'),
		page.getByLabel('Fuel of one invocation')
	];
	const newer = page.getByText('Somebody else has changed the settings since you began.');
	const seen = () => api.send<{ name: string; outbound: string[]; limits: object; debug: boolean }>('GET', '/apps/two');
	await expect(name).toHaveValue('two');
	expected.statuses.push(412);

	// What the others have changed stands there afterwards, and what is written here stays.
	await name.fill('mine');
	await fuel.fill('7000000');
	await api.send('PATCH', '/apps/two', { name: 'theirs', outbound: ['theirs.example.com'] });
	await page.getByRole('button', { name: 'Save', exact: true }).first().click();
	await expect(newer).toBeVisible();
	expect((await seen()).name).toBe('theirs');
	await expect(name).toHaveValue('mine');
	await page.getByRole('button', { name: 'Save mine over it' }).click();
	await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
	await expect(newer).toHaveCount(0);
	expect(await seen()).toMatchObject({ name: 'mine', outbound: ['theirs.example.com'], limits: {} });
	await expect(hosts).toHaveValue('theirs.example.com');
	await expect(fuel).toHaveValue('7000000');
	await page.getByRole('button', { name: 'Save the limits' }).click();
	await expect.poll(async () => (await seen()).limits).toEqual({ fuel: 7_000_000 });

	await hosts.fill('mine.example.com');
	await api.send('PATCH', '/apps/two', { outbound: ['others.example.com'], debug: true });
	await hosts.press('Tab');
	await page.keyboard.press('Enter');
	await expect(newer).toBeVisible();
	await page.getByRole('button', { name: 'Take theirs' }).click();
	await expect(newer).toHaveCount(0);
	await expect(hosts).toHaveValue('others.example.com');
	await expect(page.getByLabel('Debug mode')).toBeChecked();
	await hosts.fill('mine.example.com');
	await hosts.press('Tab');
	await page.keyboard.press('Enter');
	await expect.poll(async () => (await seen()).outbound).toEqual(['mine.example.com']);
});
