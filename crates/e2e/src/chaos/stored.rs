//! Reading back through the API whatever the surfaces hold of an organisation: which marks, and how often each.

use super::world::World;
use contracts::Surface;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::collections::HashMap;

/// LEX messages are read one by one.
const AT_ONCE: usize = 8;

/// How often each mark was found.
pub type Marks = HashMap<String, usize>;

/// Everything that is stored. LEX messages are asked for by their ids, the rest is walked through; `unfinished`
/// gets what is not where it must end.
pub async fn stored(world: &World, messages: &[(usize, String)], unfinished: &mut Vec<String>) -> Marks {
    let mut marks = Marks::new();
    for tenant in 0..world.tenants.len() {
        let reader = Reader { world, tenant };
        reader.partner(&mut marks, unfinished).await;
        reader.ingest(&mut marks).await;
        reader.crm(&mut marks).await;
    }
    Reader { world, tenant: 0 }.platform(&mut marks).await;
    let mut read = stream::iter(messages)
        .map(|(tenant, id)| async move { (id, Reader { world, tenant: *tenant }.message(id).await) })
        .buffer_unordered(AT_ONCE);
    while let Some((id, status)) = read.next().await {
        if !status.is_empty() {
            note(&mut marks, id);
        }
        if !matches!(status.as_str(), "" | "DELIVERED") {
            unfinished.push(format!("{} message {id} is {status}", Surface::Lex.name()));
        }
    }
    marks
}

fn note(marks: &mut Marks, mark: &str) {
    *marks.entry(mark.to_owned()).or_default() += 1;
}

struct Reader<'w> {
    world: &'w World,
    tenant: usize,
}

impl Reader<'_> {
    async fn partner(&self, marks: &mut Marks, unfinished: &mut Vec<String>) {
        let partner = &self.world.tenants[self.tenant].partner;
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/partners/{}/leads?limit=100&cursor={cursor}", partner.slug);
            let page = self.page(&path, || partner.token()).await;
            for lead in items(&page["data"]["items"]) {
                let mark = lead["correlation_id"].as_str().unwrap();
                note(marks, mark);
                if lead["status"] != "completed" {
                    unfinished.push(format!("partner lead {mark} is {}", lead["status"]));
                }
            }
            match page["data"]["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return,
            }
        }
    }

    /// A page, which must be there.
    async fn page(&self, path: &str, bearer: impl Fn() -> String) -> Value {
        let (status, page) = self.world.admin.get(path, async || bearer()).await;
        assert_eq!(status, 200, "GET {path}: {page}");
        page
    }

    /// Walks a list that answers `nextCursor` or `next_cursor`.
    async fn walk(&self, path: &str, bearer: &str, mut each: impl FnMut(&Value)) {
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{separator}limit=100&cursor={cursor}");
            let page = self.page(&path, || bearer.to_owned()).await;
            items(&page["data"]).iter().for_each(&mut each);
            match page["nextCursor"].as_str().or_else(|| page["meta"]["next_cursor"].as_str()) {
                Some(next) => next.clone_into(&mut cursor),
                None => return,
            }
        }
    }

    async fn ingest(&self, marks: &mut Marks) {
        let key = &self.world.tenants[self.tenant].ingest_key;
        let mut workers = Vec::new();
        self.walk("/api/v1/ingest/workers", key, |worker| {
            workers.push(worker["id"].as_str().unwrap().to_owned());
        })
        .await;
        for worker in workers {
            self.walk(&format!("/api/v1/ingest/workers/{worker}/timeline"), key, |event| {
                let metadata = &event["metadata"];
                // A snapshot's event has its metrics beside its metadata.
                let mark = metadata["mark"].as_str().or_else(|| metadata["metadata"]["mark"].as_str());
                note(marks, mark.unwrap());
            })
            .await;
        }
    }

    async fn crm(&self, marks: &mut Marks) {
        let key = &self.world.tenants[self.tenant].crm_key;
        self.walk("/api/v1/leads", key, |lead| {
            note(marks, lead["metadata"]["mark"].as_str().unwrap());
            if let Some(change) = lead["job_title"].as_str() {
                note(marks, change);
            }
        })
        .await;
        self.walk("/api/v1/customers", key, |one| note(marks, one["notes"].as_str().unwrap())).await;
        self.walk("/api/v1/products", key, |one| note(marks, one["description"].as_str().unwrap())).await;
    }

    /// The clients of everybody.
    async fn platform(&self, marks: &mut Marks) {
        for page in 1.. {
            let path = format!("/api/v1/api-clients?limit=100&sortOrder=asc&page={page}");
            let clients = self.page(&path, || self.world.admin.key.clone()).await;
            let clients = items(&clients["data"]);
            for client in clients {
                note(marks, client["name"].as_str().unwrap());
                let (change, _) = client["contactEmail"].as_str().unwrap().split_once('@').unwrap();
                note(marks, change);
            }
            if clients.is_empty() {
                return;
            }
        }
    }

    /// The status of a message; empty when there is none.
    async fn message(&self, id: &str) -> String {
        let (tenant, admin) = (&self.world.tenants[self.tenant], &self.world.admin);
        let token = async || tenant.access_token(admin.http(), &admin.gateway).await.unwrap_or_default();
        let (_, record) = admin.get(&format!("/v1/messages/{id}"), token).await;
        record["status"].as_str().unwrap_or_default().to_owned()
    }
}

fn items(list: &Value) -> &[Value] {
    list.as_array().unwrap_or_else(|| panic!("{list} is no list"))
}
