//! Renders and signs a body of about 1 KB; the baseline is a single HMAC of the same bytes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, Mac as _};
use morag_core::task::{Event, EventKind, Resources, TenantId};
use morag_core::webhook::{BodyFormat, Cursor, CursorName, Endpoint, EndpointId, HeaderInput, headers, render};
use morag_core::{Secret, Timestamp};
use morag_testkit::pdf_record;
use sha2::Sha256;
use std::hint::black_box;

fn event() -> Event {
    let data = serde_json::json!({
        "markdown_file_url": "/api/files/temp/3f2504e0-4f89-41d3-9a0c-0305e82c3301/markdown.md",
        "conversion_metadata": {
            "original_format": "pdf", "file_size_bytes": 1_048_576, "content_length": 52_428, "page_count": 15,
            "conversion_time_seconds": 12.3
        }
    });
    Event {
        sequence: 3,
        timestamp: Timestamp::from_millis(1_700_000_000_000),
        progress_percent: 25.0,
        message: "Step markdown_conversion completed".into(),
        span: None,
        kind: EventKind::StepCompleted {
            step: "markdown_conversion".into(),
            stage: "content_processing".into(),
            data: data.as_object().cloned().unwrap_or_default(),
            artifacts: vec![],
            resources: Resources::default(),
        },
    }
}

fn bench(criterion: &mut Criterion) {
    let (record, event) = (pdf_record(), event());
    let endpoint = Endpoint {
        id: EndpointId::of_task(),
        url: "https://example.com/webhook".parse().expect("a URL"),
        auth_token: None,
        format: BodyFormat::Dual,
        events: Default::default(),
        headers: Default::default(),
    };
    let cursor = Cursor {
        task: record.id,
        name: CursorName::of(&endpoint, &TenantId::default()),
        next_event: 3,
        next_delivery: 3,
        attempts: 0,
        url: None,
    };
    let secrets = [Secret::new("a secret of the usual length, 40 bytes..")];
    let body = render(&endpoint, &record, &event);
    println!("body: {} bytes", body.len());

    let mut group = criterion.benchmark_group("webhook");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("render", |bencher| bencher.iter(|| render(&endpoint, &record, black_box(&event))));
    group.bench_function("render and all headers", |bencher| {
        bencher.iter(|| {
            let body = render(&endpoint, &record, black_box(&event));
            headers(HeaderInput {
                endpoint: &endpoint,
                cursor: &cursor,
                sequence: 3,
                event_type: event.kind.event_type(),
                body: &body,
                secrets: &secrets,
                trace: None,
                version: "0.1.0",
                now: event.timestamp,
            })
        });
    });
    group.bench_function("baseline: one HMAC-SHA256 of the body", |bencher| {
        bencher.iter(|| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secrets[0].expose().as_bytes()).expect("any key");
            mac.update(black_box(&body));
            mac.finalize().into_bytes()
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
