//! The statements of the runbooks run on the tables that there are.

use contracts::Service;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::collections::BTreeMap;
use testkit::TestDatabase;

#[tokio::test]
async fn every_statement_of_a_runbook_runs() {
    let mut statements: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for (page, text) in crate::deployment::files("docs/runbooks", "md") {
        for block in text.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let of =
                Service::ALL.into_iter().find(|service| block.contains(&format!("{}.", service.schema())));
            let service = of.unwrap_or(Service::LeadIntake);
            statements.entry(service.schema()).or_default().push((page.clone(), block.to_owned()));
        }
    }
    assert!(statements.len() > 3, "the runbooks ask several schemas");
    for (schema, statements) in statements {
        let service = Service::ALL.into_iter().find(|service| service.schema() == schema).unwrap();
        let database = TestDatabase::create(service).await;
        let mut operator = PgConnection::connect(&database.url("postgres")).await.unwrap();
        for (page, statement) in statements {
            let run = operator.execute(AssertSqlSafe(statement.clone())).await;
            assert!(run.is_ok(), "{page}: {statement}\n{}", run.unwrap_err());
        }
    }
}
