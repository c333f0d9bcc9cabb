// Scripts to start from.

export interface Start {
	name: string;
	script: string;
	source: string;
	routes?: string;
	topics?: string;
	schedules?: string;
}

export const STARTS: readonly Start[] = [
	{
		name: 'An answer with a counter',
		script: 'hello',
		routes: 'GET /hello',
		source: `// The last value is the response: a map becomes JSON.
let name = req.query.name ?? "world";
let visits = kv::incr(\`visits:\${name}\`);
log::info(\`visit \${visits} of \${name}\`);

#{ hello: name, visits: visits }
`
	},
	{
		name: 'JSON in, JSON out',
		script: 'notes',
		routes: 'POST /notes\nGET /notes/{id}',
		source: `if req.method == "POST" {
    let note = req.json();
    let id = uuid::v4();
    kv::set(\`note:\${id}\`, note);
    return respond(201, #{ id: id });
}

let note = kv::get(\`note:\${req.params.id}\`);
if note == () {
    throw #{ status: 404, message: "no such note" };
}
note
`
	},
	{
		name: 'Work on events',
		script: 'on_order',
		topics: 'orders',
		source: `// Runs for each event of the topic, again after a failure, and at last as a dead letter.
let order = event.payload;
log::info(\`order \${order.id}, attempt \${event.attempt}\`);
kv::set(\`order:\${order.id}\`, order);
`
	},
	{
		name: 'By the clock',
		script: 'every_hour',
		schedules: '0 * * * *',
		source: `let last = kv::get("last run");
log::info(\`the run before was at \${last}\`);
kv::set("last run", event.scheduled_at);
`
	},
	{
		name: 'A library',
		script: 'lib/text',
		source: `// Another script writes: import "lib/text" as text; text::shout("hello")
fn shout(words) {
    words.to_upper() + "!"
}
`
	}
];
