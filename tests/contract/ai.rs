//! The contract of the ports `Completer` and `Transcriber`, for services with the OpenAI protocol, over real sockets.

use axum::Router;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use morag_adapters::ai::{NoService, OpenAiCompleter, OpenAiService, OpenAiTranscriber};
use morag_adapters::blobs::ObjectBlobs;
use morag_core::Secret;
use morag_core::plugin::FailureCode;
use morag_core::ports::{
    BlobPath, Blobs, CapabilityError, Completer, CompletionRequest, Message, Recording, Role, Transcriber,
};
use morag_core::task::TaskId;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEY: &str = "key-of-the-host";

/// A timeout that tests must not reach.
const LONG: Duration = Duration::from_secs(60);

/// A service that records its requests, with its response.
#[derive(Clone)]
struct Service {
    asked: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answer: Arc<dyn Fn() -> Response + Send + Sync>,
}

impl Service {
    async fn start(answer: impl Fn() -> Response + Send + Sync + 'static) -> (Self, OpenAiService) {
        let this = Self { asked: Arc::default(), answer: Arc::new(answer) };
        let app = Router::new()
            .route("/base/v1/chat/completions", post(completions))
            .route("/base/v1/audio/transcriptions", post(transcriptions))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(this.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/base/v1/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (this, OpenAiService::new(&base, Some(Secret::new(KEY))).unwrap())
    }

    async fn answering(answer: Value) -> (Self, OpenAiService) {
        Self::start(move || axum::Json(answer.clone()).into_response()).await
    }

    fn asked(&self) -> Vec<(HeaderMap, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

async fn completions(State(service): State<Service>, headers: HeaderMap, body: axum::Json<Value>) -> Response {
    service.asked.lock().unwrap().push((headers, body.0));
    (service.answer)()
}

async fn transcriptions(State(service): State<Service>, headers: HeaderMap, mut form: Multipart) -> Response {
    let mut fields = json!({});
    while let Some(mut field) = form.next_field().await.unwrap() {
        let name = field.name().unwrap().to_owned();
        if name == "file" {
            let (file_name, media_type) =
                (field.file_name().unwrap().to_owned(), field.content_type().unwrap().to_owned());
            let (mut size, mut sum) = (0u64, 0u64);
            while let Some(piece) = field.chunk().await.unwrap() {
                size += piece.len() as u64;
                sum += piece.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
            fields["file"] = json!({"name": file_name, "type": media_type, "size": size, "sum": sum});
        } else {
            fields[name] = field.text().await.unwrap().into();
        }
    }
    service.asked.lock().unwrap().push((headers, fields));
    (service.answer)()
}

fn question() -> CompletionRequest {
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    CompletionRequest {
        messages: vec![message(Role::System, "be short"), message(Role::User, "hello")],
        tokens_max: Some(7),
        temperature: Some(0.5),
        response_schema: Some(json!({"type": "object"})),
    }
}

async fn complete(service: OpenAiService) -> Result<morag_core::ports::Completion, CapabilityError> {
    let completer = OpenAiCompleter::new(service, "small".into(), LONG);
    tokio::time::timeout(LONG * 2, completer.complete(question())).await.unwrap()
}

#[tokio::test]
async fn a_question_is_asked_as_the_protocol_says_and_answered() {
    let (service, client) = Service::answering(json!({
        "model": "small-2", "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        "choices": [{"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "hi"}}],
    }))
    .await;
    let answer = complete(client).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.model.as_str()), ("hi", "small-2"));
    assert_eq!((answer.input_tokens, answer.output_tokens, answer.truncated), (11, 7, true));
    let [(headers, body)] = &service.asked()[..] else { panic!("asked more or less than once") };
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    let schema = json!({"name": "answer", "strict": true, "schema": {"type": "object"}});
    assert_eq!(
        *body,
        json!({
            "model": "small", "max_tokens": 7, "temperature": 0.5,
            "messages": [{"role": "system", "content": "be short"}, {"role": "user", "content": "hello"}],
            "response_format": {"type": "json_schema", "json_schema": schema},
        })
    );
}

#[tokio::test]
async fn a_minimal_response_is_accepted() {
    let (_, client) = Service::answering(json!({"choices": [{"message": {"content": "hi"}}]})).await;
    let answer = complete(client).await.unwrap();
    assert_eq!((answer.model.as_str(), answer.input_tokens, answer.truncated), ("small", 0, false));
}

#[tokio::test]
async fn errors_by_status_do_not_repeat_the_request() {
    let (invalid, unavailable) = ([400, 413, 415, 422], [408, 429, 500, 503]);
    for status in invalid.into_iter().chain(unavailable) {
        let answer = move || {
            let body = json!({"error": {"code": "some_code", "message": "you asked: hello, with key-of-the-host"}});
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        };
        let (service, client) = Service::start(answer).await;
        let error = complete(client).await.unwrap_err();
        let is_as_expected = match invalid.contains(&status) {
            true => matches!(error, CapabilityError::Invalid(_)),
            false => matches!(error, CapabilityError::Unavailable(_)),
        };
        assert!(is_as_expected, "{status}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(&status.to_string()) && text.contains("some_code"), "{text}");
        assert!(!text.contains("hello") && !text.contains(KEY) && !text.contains("127.0.0.1"), "{text}");
        assert_eq!(service.asked().len(), 1, "{status}: nothing is tried twice");
    }
}

/// What the operator has set is refused: it is no outage, and no fault of the recording or the question.
#[tokio::test]
async fn refused_settings_are_the_operators_and_name_the_setting() {
    let settings = [
        (401, "invalid_api_key", "OPENAI_API_KEY"),
        (403, "some_code", "OPENAI_API_KEY"),
        (404, "model_not_found", "MODEL"),
        (405, "some_code", "OPENAI_BASE_URL"),
        (400, "model_not_found", "MODEL"),
        (307, "some_code", "OPENAI_BASE_URL"),
    ];
    for (status, code, setting) in settings {
        let answer = move || {
            let body = json!({"error": {"code": code, "message": "hello, with key-of-the-host"}});
            (StatusCode::from_u16(status).unwrap(), [("location", "/secret-place")], axum::Json(body)).into_response()
        };
        let (service, client) = Service::start(answer).await;
        let of_completions = complete(client.clone()).await.unwrap_err();
        let (_folder, blobs, recording, _) = recording(10).await;
        let transcriber = OpenAiTranscriber::new(client, blobs, "whisper".into(), LONG);
        let of_transcription = transcriber.transcribe(recording).await.unwrap_err();
        for (error, failure, model) in [
            (of_completions, FailureCode::CompletionsMisconfigured, "MORAG_COMPLETIONS_MODEL"),
            (of_transcription, FailureCode::TranscriptionMisconfigured, "MORAG_TRANSCRIPTION_MODEL"),
        ] {
            let CapabilityError::NotUsable { code: found, text } = error else { panic!("{status}: {error:?}") };
            assert_eq!(found, failure, "{status}: {text}");
            let setting = if setting == "MODEL" { model } else { setting };
            assert!(text.contains(setting) && text.contains(&status.to_string()), "{text}");
            assert!(!text.contains("hello") && !text.contains(KEY) && !text.contains("127.0.0.1"), "{text}");
            assert!(!text.contains("secret-place"), "{text}");
        }
        assert_eq!(service.asked().len(), 2, "{status}: nothing is tried twice");
    }
}

#[tokio::test]
async fn a_service_that_wants_a_key_and_gets_none_is_told_apart() {
    let router = Router::new().route("/v1/chat/completions", post(|| async { StatusCode::UNAUTHORIZED }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let text = complete(OpenAiService::new(&base, None).unwrap()).await.unwrap_err().to_string();
    assert!(text.contains("this server has none (status 401)"), "{text}");
}

#[tokio::test]
async fn invalid_responses_are_unavailable() {
    let answers = [json!({}), json!({"choices": []}), json!({"choices": [{"message": {}}]}), json!("text")];
    for answer in answers {
        let (_, client) = Service::answering(answer.clone()).await;
        let error = complete(client).await.unwrap_err();
        assert!(matches!(error, CapabilityError::Unavailable(_)), "{answer}: {error:?}");
    }
    let refusal = json!({"choices": [{"message": {"content": null, "refusal": "no"}}]});
    let (_, client) = Service::answering(refusal).await;
    assert!(matches!(complete(client).await, Err(CapabilityError::Invalid(_))));
}

#[tokio::test]
async fn endless_responses_redirects_and_silence_are_bounded() {
    let endless = || {
        let pieces = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 64 << 10])));
        axum::body::Body::from_stream(pieces).into_response()
    };
    let (_, client) = Service::start(endless).await;
    let text = complete(client).await.unwrap_err().to_string();
    assert!(text.contains("sends more than"), "{text}");

    let (service, client) = Service::start(|| {
        (StatusCode::TEMPORARY_REDIRECT, [("location", "/base/v1/chat/completions")]).into_response()
    })
    .await;
    let text = complete(client).await.unwrap_err().to_string();
    assert!(text.contains("redirects") && service.asked().len() == 1, "{text}");

    let silent = || {
        axum::body::Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>())
            .into_response()
    };
    let (_, client) = Service::start(silent).await;
    let completer = OpenAiCompleter::new(client, "small".into(), Duration::from_millis(300));
    let text = tokio::time::timeout(LONG, completer.complete(question())).await.unwrap().unwrap_err().to_string();
    assert!(text.contains("did not answer within 0.3 s"), "{text}");
}

#[tokio::test]
async fn a_refused_connection_is_unavailable() {
    let client = OpenAiService::new("http://127.0.0.1:1/v1", None).unwrap();
    let error = complete(client).await.unwrap_err();
    assert_eq!(error.to_string(), "the host's service for completions cannot be connected to");
}

async fn recording(bytes: usize) -> (tempfile::TempDir, Arc<ObjectBlobs>, Recording, u64) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Arc::new(ObjectBlobs::local(folder.path().join("files")).unwrap());
    let path = BlobPath::file(TaskId::random(), &"talk.mp3".parse().unwrap());
    let content: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
    let mut writer = blobs.create(&path).await.unwrap();
    writer.write(content.clone().into()).await.unwrap();
    writer.finish().await.unwrap();
    let recording = Recording {
        path,
        size: bytes as u64,
        file_name: "a \"talk\".mp3".into(),
        media_type: "audio/mpeg; x=y".into(),
        language: Some("de".into()),
    };
    (folder, blobs, recording, content.iter().map(|byte| u64::from(*byte)).sum())
}

#[tokio::test]
async fn a_recording_is_sent_whole_and_its_transcript_read() {
    let (service, client) = Service::answering(json!({
        "text": "guten Tag", "language": "german", "duration": "8.470",
        "segments": [{"id": 1, "start": 4.0, "end": 8.4701, "text": " Tag"}, {"start": 0.0, "end": 4, "text": "guten"}],
    }))
    .await;
    let (_folder, blobs, recording, sum) = recording(20 << 20).await;
    let transcriber = OpenAiTranscriber::new(client, blobs, "whisper".into(), LONG);
    let transcript = transcriber.transcribe(recording).await.unwrap();
    assert_eq!((transcript.text.as_str(), transcript.language.as_deref()), ("guten Tag", Some("german")));
    assert_eq!(transcript.duration_ms, Some(8_470));
    let times: Vec<_> = transcript.segments.iter().map(|segment| (segment.start_ms, segment.end_ms)).collect();
    assert_eq!(times, [(0, 4_000), (4_000, 8_470)], "in order of time");
    let [(headers, form)] = &service.asked()[..] else { panic!("asked more or less than once") };
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    assert!(headers.contains_key("content-length"), "its length is known: {headers:?}");
    assert_eq!((form["model"].as_str(), form["response_format"].as_str()), (Some("whisper"), Some("verbose_json")));
    assert_eq!(form["language"], "de");
    assert_eq!((form["file"]["size"].as_u64(), form["file"]["sum"].as_u64()), (Some(20 << 20), Some(sum)));
    assert_eq!(form["file"]["type"], "audio/mpeg");
    assert!(form["file"]["name"].as_str().unwrap().ends_with(".mp3"), "{form}");
}

#[tokio::test]
async fn a_recording_that_is_empty_or_gone_is_not_sent() {
    let (service, client) = Service::answering(json!({"text": ""})).await;
    let (_folder, blobs, mut recording, _) = recording(10).await;
    let transcriber = OpenAiTranscriber::new(client, blobs.clone(), "whisper".into(), LONG);
    let empty = Recording { size: 0, ..recording.clone() };
    assert!(matches!(transcriber.transcribe(empty).await, Err(CapabilityError::Invalid(_))));
    recording.path = BlobPath::file(TaskId::random(), &"gone.mp3".parse().unwrap());
    assert!(matches!(transcriber.transcribe(recording).await, Err(CapabilityError::Unavailable(_))));
    assert_eq!(service.asked().len(), 0);
}

#[tokio::test]
async fn without_a_service_the_error_names_the_settings() {
    let error = NoService.complete(question()).await.unwrap_err();
    let CapabilityError::NotUsable { code: FailureCode::CompletionsNotConfigured, text } = error else {
        panic!("{error:?}");
    };
    assert!(text.contains("OPENAI_BASE_URL"), "{text}");
    assert!(matches!(
        NoService.model(),
        Err(CapabilityError::NotUsable { code: FailureCode::TranscriptionNotConfigured, .. })
    ));
}
