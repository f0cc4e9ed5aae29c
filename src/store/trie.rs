//! A persistent map from keys to values: a hash trie whose nodes are content-addressed.
//!
//! The path to a key is its digest, four bits a level. A subtree of at most [`LEAF_BYTES`] of keys
//! and values, or of one item, is a leaf; any other is a branch. The form follows from the content
//! alone, so that the same content has the same address whatever led to it, equal subtrees are
//! stored once, and comparing two maps costs what differs.

use std::collections::BTreeMap;

use super::address::{Address, damaged};
pub(super) use super::node::Items;
use super::node::{Leaf, Node, Nodes, Totals, not_understood};
use crate::error::Result;

/// The most bytes of keys and values that a leaf of more than one item holds.
const LEAF_BYTES: u64 = 1024;

/// What becomes of keys: a value, or `None` to remove it.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A root: `None` is the empty map.
pub(super) type Root = Option<Address>;

struct Change {
    path: Address,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

fn path_of(key: &[u8]) -> Address {
    Address::of(&[key])
}

fn fits_leaf(totals: Totals) -> bool {
    totals.count <= 1 || totals.bytes <= LEAF_BYTES
}

fn totals_of(items: &Items) -> Totals {
    let mut totals = Totals::default();
    for (key, value) in items {
        totals.add(key, value);
    }
    totals
}

/// Changes keys and gives the new root; the old one stays as it is.
///
/// # Errors
/// `damaged` where a node on the way cannot be read.
pub(super) fn update(nodes: &mut impl Nodes, root: Root, changes: Changes) -> Result<Root> {
    let mut sorted: Vec<Change> = changes
        .into_iter()
        .map(|(key, value)| Change {
            path: path_of(&key),
            key,
            value,
        })
        .collect();
    sorted.sort_by_key(|change| change.path);
    if sorted.is_empty() {
        return Ok(root);
    }
    Ok(change_subtree(nodes, root, 0, sorted)?.now.0)
}

struct Changed {
    before: Totals,
    now: (Root, Totals),
}

fn change_subtree(
    nodes: &mut impl Nodes,
    root: Root,
    depth: usize,
    changes: Vec<Change>,
) -> Result<Changed> {
    let node = match root {
        Some(address) => Node::load(nodes, address)?,
        None => Node::Leaf(Items::new()),
    };
    match node {
        Node::Leaf(mut items) => {
            let before = totals_of(&items);
            apply(&mut items, changes);
            let now = build(nodes, items, depth)?;
            Ok(Changed { before, now })
        }
        Node::Branch(before, mut children) => {
            let mut now = before;
            for (nibble, changes) in split(changes, depth, |change| change.path) {
                let Some(child) = children.get_mut(nibble) else {
                    continue;
                };
                let changed = change_subtree(nodes, *child, depth + 1, changes)?;
                now = now.exchange(changed.before, changed.now.1);
                *child = changed.now.0;
            }
            if fits_leaf(now) {
                let mut items = Items::new();
                for child in children.iter().flatten() {
                    gather(nodes, *child, &mut items)?;
                }
                let now = build(nodes, items, depth)?;
                return Ok(Changed { before, now });
            }
            let address = Node::Branch(now, children).store(nodes);
            Ok(Changed {
                before,
                now: (Some(address), now),
            })
        }
        _ => Err(not_a_tree(root)),
    }
}

fn not_a_tree(root: Root) -> crate::error::Error {
    let name = root.map_or_else(String::new, |address| address.to_string());
    damaged(format!("node {name} is not part of a tree"))
}

fn apply(items: &mut Items, changes: Vec<Change>) {
    for change in changes {
        match change.value {
            Some(value) => items.insert(change.key, value),
            None => items.remove(&change.key),
        };
    }
}

fn split<T>(things: Vec<T>, depth: usize, path: fn(&T) -> Address) -> BTreeMap<usize, Vec<T>> {
    let mut parts: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for thing in things {
        let nibble = path(&thing).nibble(depth);
        parts.entry(nibble).or_default().push(thing);
    }
    parts
}

fn build(nodes: &mut impl Nodes, items: Items, depth: usize) -> Result<(Root, Totals)> {
    let with_paths = items
        .into_iter()
        .map(|(key, value)| (path_of(&key), key, value))
        .collect();
    build_from(nodes, with_paths, depth)
}

fn build_from(
    nodes: &mut impl Nodes,
    items: Vec<(Address, Vec<u8>, Vec<u8>)>,
    depth: usize,
) -> Result<(Root, Totals)> {
    let mut totals = Totals::default();
    for (_, key, value) in &items {
        totals.add(key, value);
    }
    if totals.count == 0 {
        return Ok((None, totals));
    }
    // Two keys of one digest would recurse for ever; nobody has found two.
    if fits_leaf(totals) || depth >= 2 * super::address::LENGTH {
        let items = items.into_iter().map(|(_, key, value)| (key, value));
        let leaf = Node::Leaf(items.collect()).store(nodes);
        return Ok((Some(leaf), totals));
    }
    let mut children = [None; 16];
    for (nibble, part) in split(items, depth, |item| item.0) {
        let (child, _) = build_from(nodes, part, depth + 1)?;
        if let Some(place) = children.get_mut(nibble) {
            *place = child;
        }
    }
    let branch = Node::Branch(totals, Box::new(children)).store(nodes);
    Ok((Some(branch), totals))
}

/// Shows the items below a node, in the order of their digests; says how many they are.
///
/// # Errors
/// `damaged` where a node cannot be read or miscounts its items; what `each` returns.
pub(super) fn visit(
    nodes: &impl Nodes,
    address: Address,
    each: &mut impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<u64> {
    let bytes = nodes.read(address)?;
    if let Some(leaf) = Leaf::of(&bytes) {
        let mut count = 0;
        for item in leaf {
            let (key, value) = item.ok_or_else(|| not_understood(address))?;
            each(key, value)?;
            count += 1;
        }
        return Ok(count);
    }
    let Node::Branch(totals, children) = Node::of(address, &bytes)? else {
        return Err(not_a_tree(Some(address)));
    };
    let mut count = 0_u64;
    for child in children.iter().flatten() {
        count = count.saturating_add(visit(nodes, *child, each)?);
    }
    if count != totals.count {
        return Err(damaged(format!("node {address} miscounts its items")));
    }
    Ok(count)
}

fn gather(nodes: &impl Nodes, address: Address, into: &mut Items) -> Result<()> {
    visit(nodes, address, &mut |key, value| {
        into.insert(key.to_vec(), value.to_vec());
        Ok(())
    })?;
    Ok(())
}

/// All items.
///
/// # Errors
/// `damaged` where a node cannot be read.
pub(super) fn items(nodes: &impl Nodes, root: Root) -> Result<Items> {
    let mut all = Items::new();
    if let Some(root) = root {
        gather(nodes, root, &mut all)?;
    }
    Ok(all)
}

/// The parts that a map can be read in, and how many items they have together: the children of
/// its topmost node, or that itself.
///
/// # Errors
/// `damaged` where it cannot be read.
pub(super) fn parts(nodes: &impl Nodes, root: Root) -> Result<(u64, Vec<Address>)> {
    let Some(address) = root else {
        return Ok((0, Vec::new()));
    };
    match Node::load(nodes, address)? {
        Node::Leaf(items) => Ok((items.len() as u64, vec![address])),
        Node::Branch(totals, children) => {
            Ok((totals.count, children.iter().flatten().copied().collect()))
        }
        _ => Err(not_a_tree(root)),
    }
}

/// How many items there are; reads one node.
///
/// # Errors
/// `damaged` where it cannot be read.
pub(super) fn count(nodes: &impl Nodes, root: Root) -> Result<u64> {
    Ok(parts(nodes, root)?.0)
}

/// One key's value; reads the nodes on the way to it only.
///
/// # Errors
/// `damaged` where one of them cannot be read.
pub(super) fn get(nodes: &impl Nodes, root: Root, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let path = path_of(key);
    let (mut at, mut depth) = (root, 0);
    while let Some(address) = at {
        match Node::load(nodes, address)? {
            Node::Leaf(mut items) => return Ok(items.remove(key)),
            Node::Branch(_, children) => {
                at = children.get(path.nibble(depth)).copied().flatten();
                depth += 1;
            }
            _ => return Err(not_a_tree(at)),
        }
    }
    Ok(None)
}

/// The items of each of two maps that are not the same in the other; reads what differs only.
///
/// # Errors
/// `damaged` where a node cannot be read.
pub(super) fn differences(nodes: &impl Nodes, one: Root, other: Root) -> Result<(Items, Items)> {
    let mut differing = (Items::new(), Items::new());
    compare(nodes, one, other, &mut differing)?;
    Ok(differing)
}

fn compare(nodes: &impl Nodes, one: Root, other: Root, into: &mut (Items, Items)) -> Result<()> {
    if one == other {
        return Ok(());
    }
    let load = |root: Root| root.map(|address| Node::load(nodes, address)).transpose();
    if let (Some(Node::Branch(_, ones)), Some(Node::Branch(_, others))) = (load(one)?, load(other)?)
    {
        for (one, other) in ones.iter().zip(others.iter()) {
            compare(nodes, *one, *other, into)?;
        }
        return Ok(());
    }
    let (mut ones, mut others) = (items(nodes, one)?, items(nodes, other)?);
    ones.retain(|key, value| match others.get(key) {
        Some(same) if same == value => {
            others.remove(key);
            false
        }
        _ => true,
    });
    into.0.extend(ones);
    into.1.extend(others);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::node::Loose;
    use super::*;
    use proptest::prelude::*;

    fn changes() -> impl Strategy<Value = Vec<BTreeMap<u8, Option<u8>>>> {
        let one =
            proptest::collection::btree_map(any::<u8>(), proptest::option::of(any::<u8>()), 0..60);
        proptest::collection::vec(one, 1..6)
    }

    fn key(number: u8) -> Vec<u8> {
        format!("key {number}").into_bytes()
    }

    fn value(number: u8) -> Vec<u8> {
        vec![number; 10 + usize::from(number)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_trie_is_a_map_and_its_form_follows_from_its_content(rounds in changes()) {
            let mut nodes = Loose::default();
            let (mut root, mut model) = (None, Items::new());
            for round in rounds {
                let (old_root, old_model) = (root, model.clone());
                for (number, change) in &round {
                    match change {
                        Some(change) => model.insert(key(*number), value(*change)),
                        None => model.remove(&key(*number)),
                    };
                }
                let changes = round.iter().map(|(k, v)| (key(*k), v.map(value))).collect();
                root = update(&mut nodes, root, changes).unwrap();
                prop_assert_eq!(&items(&nodes, root).unwrap(), &model);

                let all = model.iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect();
                let afresh = update(&mut Loose::default(), None, all).unwrap();
                prop_assert_eq!(root, afresh);

                let (gone, come) = differences(&nodes, old_root, root).unwrap();
                let only = |a: &Items, b: &Items| -> Items {
                    a.iter().filter(|(k, v)| b.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect()
                };
                prop_assert_eq!(gone, only(&old_model, &model));
                prop_assert_eq!(come, only(&model, &old_model));
                for number in 0..=255 {
                    prop_assert_eq!(count(&nodes, root).unwrap(), model.len() as u64);
                let found = get(&nodes, root, &key(number)).unwrap();
                    prop_assert_eq!(found.as_ref(), model.get(&key(number)));
                }
            }
        }
    }

    #[test]
    fn one_change_writes_one_path() {
        let mut nodes = Loose::default();
        let all = (0..10_000u32).map(|n| (n.to_be_bytes().to_vec(), Some(vec![0; 100])));
        let root = update(&mut nodes, None, all.collect()).unwrap();
        let before = nodes.0.clone();
        let change = [(7u32.to_be_bytes().to_vec(), Some(vec![1; 100]))].into();
        update(&mut nodes, root, change).unwrap();
        let written: Vec<usize> = nodes
            .0
            .iter()
            .filter(|(address, _)| !before.contains_key(*address))
            .map(|(_, bytes)| bytes.len())
            .collect();
        assert!(
            written.len() <= 5 && written.iter().sum::<usize>() < 2_500,
            "{written:?}"
        );
    }
}
