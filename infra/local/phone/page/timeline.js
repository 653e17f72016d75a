// What happened, in groups: a request with what its function did meanwhile, a notice with the request that it made. No drawing here.

/** How many groups are kept. */
const MAX_GROUPS = 3000;

const ORDER = /^0[0-9A-HJKMNP-TV-Z]{25}(\d\d)?$/;
const IS_USER = /^(o[\w-]{27}|u[0-9a-f]{26}|[0-9a-f]{32})$/;

export class Timeline {
  groups = [];
  #byRequestId = new Map();
  /** Requests that WeChat made and whose notice has not been told yet: the notice ends after its request. */
  #unclaimed = [];
  /** Events on the bus whose sender has not been told yet: the call that sent them ends after them. */
  #sent = [];
  /** The order that another number of a payment or a refund belongs to. */
  #orders = new Map();
  /** The openid that a user's id belongs to. */
  #people = new Map();
  /** The orders that something happened to, the newest last. */
  #seen = new Set();
  #count = 0;

  /** Adds an event, and returns the outermost group that it changed. */
  add(event) {
    this.#learn(event);
    const group = this.#place(event);
    const top = topOf(group);
    top.version += 1;
    if (this.groups.length > MAX_GROUPS) this.#forget(this.groups.shift());
    return top;
  }

  clear() {
    this.groups = [];
    this.#seen.clear();
    this.#byRequestId.clear();
    this.#unclaimed = [];
    this.#sent = [];
  }

  /** The group of a request, for whoever has its id from an error. */
  find(requestId) {
    const group = this.#byRequestId.get(requestId);
    return group && topOf(group);
  }

  #place(event) {
    switch (event.kind) {
      case 'request':
      case 'task':
        return this.#placeInvocation(event);
      case 'notice':
        return this.#placeNotice(event);
      case 'aws':
      case 'wechat':
      case 'event':
        if (event.requestId) {
          const group = this.#ofRequest(event.requestId, event.at);
          group.children.push(event);
          if (event.service === 'events') for (const sent of this.#sent.splice(0)) this.#moveInto(sent, group);
          return group;
        }
        if (event.function) return this.#placeTogether(event);
      // falls through
      default: {
        const group = this.#insert({ root: event, at: event.at });
        if (event.kind === 'event') this.#sent.push(group);
        return group;
      }
    }
  }

  #placeInvocation(event) {
    const group = this.#ofRequest(event.requestId ?? `seq-${event.seq}`, event.at);
    group.root = event;
    if (event.parent) this.#moveInto(group, this.#ofRequest(event.parent, event.at));
    if (event.kind === 'request' && /\/(notify|refund-notify|complaint-notify|callback)$/.test(event.path))
      this.#unclaimed.push(group);
    return group;
  }

  /** Calls that a function made while it ran several times at once, so that nobody knows which of its requests they belong to. */
  #placeTogether(event) {
    let group = this.groups.findLast(({ root }) => root?.kind === 'together' && root.function === event.function);
    if (!group || Math.abs(event.at - group.at) > 1000)
      group = this.#insert({ root: { kind: 'together', at: event.at, function: event.function }, at: event.at });
    group.children.push(event);
    return group;
  }

  #placeNotice(event) {
    const notice = this.#insert({ root: event, at: event.at });
    const path = event.path.replace(/^https?:\/\/[^/]+/, '').split('?')[0];
    const end = event.at + (event.durationMs ?? 2000) + 50;
    const at = this.#unclaimed.findIndex(({ root }) => root.path === path && root.at >= event.at - 50 && root.at <= end);
    if (at >= 0) this.#moveInto(this.#unclaimed.splice(at, 1)[0], notice);
    if (this.#unclaimed.length > 50) this.#unclaimed.shift();
    return notice;
  }

  #ofRequest(requestId, at) {
    let group = this.#byRequestId.get(requestId);
    if (!group) {
      group = this.#insert({ at, requestId });
      this.#byRequestId.set(requestId, group);
    }
    return group;
  }

  /** Inserts a group where it began: what is told later has often begun earlier. */
  #insert(facts) {
    const group = { id: (this.#count += 1), version: 0, children: [], groups: [], parent: undefined, root: undefined, ...facts };
    let place = this.groups.length;
    while (place > 0 && this.groups[place - 1].at > group.at) place -= 1;
    this.groups.splice(place, 0, group);
    return group;
  }

  #moveInto(group, parent) {
    if (group === parent || group.parent === parent) return;
    const place = this.groups.lastIndexOf(group);
    if (place >= 0) this.groups.splice(place, 1);
    group.parent = parent;
    parent.groups.push(group);
  }

  #forget(group) {
    if (group.requestId) this.#byRequestId.delete(group.requestId);
    group.groups.forEach((inner) => this.#forget(inner));
  }

  // Orders and people.

  #learn(event) {
    const about = event.about ?? [];
    const orders = new Set(about.filter((id) => ORDER.test(id)).map((id) => id.slice(0, 26)));
    if (orders.size === 1) {
      const [order] = orders;
      for (const id of about) if (!ORDER.test(id) && !IS_USER.test(id)) this.#orders.set(id, order);
    }
    const people = about.filter((id) => IS_USER.test(id));
    const openids = people.filter((id) => id.startsWith('o'));
    if (openids.length === 1) for (const id of people) this.#people.set(id, openids[0]);
    const order = this.orderOf(event);
    if (!order) return;
    this.#seen.delete(order);
    this.#seen.add(order);
  }

  /** The one order that an event is about; undefined for a list of several. */
  orderOf(event) {
    const orders = new Set(
      (event.about ?? []).map((id) => (ORDER.test(id) ? id.slice(0, 26) : this.#orders.get(id))).filter(Boolean),
    );
    return orders.size === 1 ? [...orders][0] : undefined;
  }

  /** The orders that something happened to, newest first. */
  orders() {
    return [...this.#seen].reverse();
  }

  /** Whether something in the group is about this order, and about this person. */
  matches(group, { order, openid }) {
    if (!order && !openid) return true;
    const events = eventsOf(group);
    return (
      (!order || events.some((event) => this.orderOf(event) === order)) &&
      (!openid || events.some((event) => (event.about ?? []).some((id) => (this.#people.get(id) ?? id) === openid)))
    );
  }
}

function topOf(group) {
  return group.parent ? topOf(group.parent) : group;
}

/** All events of a group and of those within it. */
function eventsOf(group) {
  return [group.root, ...group.children, ...group.groups.flatMap(eventsOf)].filter(Boolean);
}

/** Reads the timeline of the local world: `onEvent` for each event, `onState` with 'open', 'closed', 'missing', or 'restarted'. */
export function listen({ onEvent, onState }) {
  const source = new EventSource('/_wechat/timeline');
  let newest = 0;
  let wasLost = false;
  source.onopen = async () => {
    onState('open');
    if (wasLost && (await isNewProgram(newest))) {
      source.close();
      onState('restarted');
      listen({ onEvent, onState });
    }
    wasLost = false;
  };
  source.onerror = () => {
    wasLost = true;
    onState(source.readyState === EventSource.CLOSED ? 'missing' : 'closed');
  };
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.seq <= newest) return;
    newest = event.seq;
    onEvent(event);
  };
}

/** Whether the program was started again: its events are numbered anew, and it knows nothing of the last one seen here. */
async function isNewProgram(newest) {
  if (newest === 0) return false;
  const answer = await fetch(`/_wechat/timeline.json?after=${newest - 1}`).catch(() => undefined);
  return answer?.ok ? (await answer.json()).events.length === 0 : false;
}
